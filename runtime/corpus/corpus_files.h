// Which files a corpus consists of, and by what name a document's id knows each.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace stemma {

struct CorpusFile {
  std::filesystem::path path;
  std::string label;     // unique: the file's name; inside a folder, its place below that folder
  bool is_text = false;  // the whole file is one document
};

// Files of `paths` in their order; folders are searched below, sorted, hidden names left out.
// Throws Error: a path that is missing, a file given twice.
std::vector<CorpusFile> find_corpus_files(const std::vector<std::filesystem::path>& paths);

}  // namespace stemma
