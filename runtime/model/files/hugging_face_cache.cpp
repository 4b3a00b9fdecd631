#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/files/model_files.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string commit_of(const fs::path& reference) {
  std::string commit = read_text(reference, 1000);
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  if (!is_plain_name(commit))
    throw Error(ErrorCode::bad_file, fmt::format("{}: names no commit; download the model again", reference.string()));
  return commit;
}

}  // namespace

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() <= 128 && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
}

fs::path hugging_face_cache() {
  if (const auto cache = variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const auto home = variable("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  if (const auto caches = variable("XDG_CACHE_HOME"); !caches.empty()) return fs::path(caches) / "huggingface" / "hub";
  return fs::path(variable("HOME")) / ".cache" / "huggingface" / "hub";
}

fs::path find_snapshot(const fs::path& repository, const std::string& revision) {
  const std::string wanted = revision.empty() ? "main" : revision;
  if (!is_plain_name(wanted))
    throw Error(ErrorCode::not_found,
                fmt::format("{}: {} is no revision's name", repository.string(), in_quotes(wanted)));
  const fs::path snapshots = repository / "snapshots";
  if (fs::is_directory(snapshots / wanted)) return snapshots / wanted;
  if (fs::is_regular_file(repository / "refs" / wanted)) {
    const fs::path snapshot = snapshots / commit_of(repository / "refs" / wanted);
    if (fs::is_directory(snapshot)) return snapshot;
    throw Error(ErrorCode::not_found, fmt::format("{}: the snapshot that refs/{} names is not there; download it again",
                                                  snapshot.string(), wanted));
  }
  std::vector<fs::path> all;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(snapshots, none))
    if (entry.is_directory()) all.push_back(entry.path());
  if (revision.empty() && all.size() == 1) return all.front();
  throw Error(ErrorCode::not_found, fmt::format("{}: has no snapshot of {} among its {}; name one as org/name@commit",
                                                repository.string(), in_quotes(wanted), all.size()));
}

}  // namespace stemma
