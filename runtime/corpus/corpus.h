// Training documents: JSONL (also .gz, .zst) and folders of text files. Ids are file + byte offset.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace stemma {

struct Document {
  std::string id;      // "corpus.jsonl.zst:123456": file name and offset of its line in the (decompressed) file; unique
  std::string name;    // its own "id", or empty
  std::string source;  // its own "source", or the file's name
  std::string text;
  std::string task;                // demo corpora: "task", or empty
  std::vector<std::string> facts;  // demo corpora: ids of the facts its text states
};

struct Corpus {
  std::vector<std::filesystem::path> paths;
  std::string hash;                        // of every document's id and text
  std::vector<Document> documents;         // those chosen, in file order
  int64_t total = 0;                       // documents in the files
  int64_t broken = 0;                      // lines skipped
  std::vector<std::string> broken_places;  // the first few: "corpus.jsonl:17: not JSON"
  int64_t bytes = 0;                       // of text
};

// Reads every file of `paths` (files, or folders searched for .jsonl, .json, .gz, .zst and .txt).
// `sample` > 0 keeps that many documents, chosen by hash of their place: the same ones every time. 0 keeps all.
// Throws Error: a path that is missing, a compressed file cut short (naming the byte), no document at all.
Corpus load_corpus(const std::vector<std::filesystem::path>& paths, int64_t sample = 0);

}  // namespace stemma
