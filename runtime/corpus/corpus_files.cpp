#include "runtime/corpus/corpus_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/error.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

bool is_packed(const fs::path& path) { return path.extension() == ".gz" || path.extension() == ".zst"; }

bool is_text(const fs::path& path) { return (is_packed(path) ? path.stem() : path).extension() == ".txt"; }

bool belongs(const fs::path& path) {
  return is_packed(path) || is_text(path) || path.extension() == ".jsonl" || path.extension() == ".json";
}

std::vector<fs::path> search(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, failed), end;
  for (; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;
    if (entry->path().filename().native().starts_with('.')) {
      if (entry->is_directory(ignored)) entry.disable_recursion_pending();
    } else if (entry->is_regular_file(ignored) && belongs(entry->path())) {
      found.push_back(entry->path());
    }
  }
  if (failed)
    throw Error(ErrorCode::not_found, fmt::format("{}: cannot be searched ({})", folder.string(), failed.message()));
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<CorpusFile> find_corpus_files(const std::vector<fs::path>& paths) {
  std::vector<CorpusFile> files;
  for (const fs::path& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      for (const fs::path& file : search(path)) {
        files.push_back({file, file.lexically_relative(path).generic_string(), is_text(file)});
      }
    } else if (fs::exists(path, ignored)) {
      files.push_back({path, path.filename().string(), is_text(path)});
    } else {
      throw Error(ErrorCode::not_found,
                  fmt::format("{}: no such file or folder; check the corpus path", path.string()));
    }
  }

  // Two files of one name in different folders: both are then known by their whole path.
  std::map<std::string, int> uses;
  for (const CorpusFile& file : files) ++uses[file.label];
  std::set<std::string> labels;
  for (CorpusFile& file : files) {
    if (uses[file.label] > 1) file.label = file.path.lexically_normal().generic_string();
    if (!labels.insert(file.label).second) {
      throw Error(ErrorCode::usage, fmt::format("{}: given twice; name each corpus file once", file.path.string()));
    }
  }
  return files;
}

}  // namespace stemma
