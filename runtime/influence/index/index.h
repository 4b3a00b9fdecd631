// An index: the few numbers that stand for each document's gradient, kept on disk, so that a new question is answered
// without reading the corpus again.
//
// I.h5 holds the directions (basis.h); the documents lie beside it in parts, I.0001.h5, I.0002.h5, ..., each written
// once and never touched again. Documents that are new become new parts; so does the rest of a build that was cut off.
//
//   I.h5        attrs: format="stemma-index", version, hash, model, factors, side, numbers, sampled, program, created,
//   device
//     layers/<name> (coordinates, directions) f32   joint (layers * directions, numbers) f32
//   I.0001.h5   attrs: format="stemma-index-part", version, index, corpus, corpus_documents
//     numbers (D, bytes) u8   lengths (D) f32   (basis.h)
//     tokens (T) i32   token_begin (D+1) u32   ids (D)  names (D)  sources (D)
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/weight_matrix.h"
#include "runtime/corpus/corpus.h"
#include "runtime/influence/index/basis.h"
#include "runtime/model/files/mapped_file.h"

namespace stemma {

struct IndexHead {
  std::string hash, model_hash, factors_hash, program, created, device;
  IndexBasis basis;
};

// Written whole; sets `hash`. Throws Error(disk).
void save_index_head(IndexHead& head, const std::filesystem::path& path);
IndexHead load_index_head(const std::filesystem::path& path);
std::filesystem::path index_part_path(const std::filesystem::path& index, int number);  // from 1
int parts_of_index(const std::filesystem::path& index);                                 // that are there now

// A row of numbers between -1 and 1 as it is kept: `kept_scale` times as large, in blocks of Q8_0, the last of which
// zeros may fill.
inline constexpr float kept_scale = 256;  // small ones would be lost in the half of a block
inline int64_t kept_columns(int64_t numbers) { return (numbers + 31) / 32 * 32; }
inline int64_t kept_bytes(int64_t numbers) { return row_bytes(WeightType::q8_0, kept_columns(numbers)); }
void keep_row(const float* numbers, int64_t count, uint8_t* row);

struct IndexPart {
  std::vector<uint8_t> numbers;  // (D, kept_bytes of as many)
  std::vector<float> lengths;    // (D) of what the directions hold of each gradient
  std::vector<int32_t> tokens;
  std::vector<uint32_t> token_begin;  // (D+1)
  std::vector<std::string> ids, names, sources;
  std::string corpus_hash;
  int64_t corpus_documents = 0;  // in the corpus, of which these are some; fewer those of earlier parts' corpora
};
// Throws Error where a file of that name is there already: another program adds to this index.
void save_index_part(const IndexPart& part, const IndexHead& head, const std::filesystem::path& path);

// An index opened for questions; its numbers are mapped. Any one thread.
class Index {
 public:
  // Throws Error: missing, damaged, a part of another index.
  explicit Index(const std::filesystem::path& path);
  Index(Index&&) noexcept;
  ~Index();

  const std::filesystem::path& path() const { return path_; }
  const IndexHead& head() const { return head_; }
  int64_t documents() const { return documents_; }
  int parts() const { return static_cast<int>(parts_.size()); }
  int64_t bytes() const;            // of all its files
  std::string corpus_hash() const;  // the one corpus's, or the index's own where there are several
  int64_t corpus_documents() const;  // of all its corpora; one that is in two counts once
  bool holds_some_of(const std::string& corpus_hash) const;
  std::vector<std::string> ids() const;
  std::vector<int32_t> tokens(int64_t document) const;
  std::vector<Document> documents(const std::vector<int64_t>& rising,
                                  const Tokenizer& tokenizer) const;  // text from tokens

  // Estimates of all documents' scores, from rows of queries (Q, row) as of Projection: (Q, D). `ops` of the CPU.
  // Throws Error: cancelled.
  std::vector<float> scores(Ops& ops, const std::vector<float>& queries, const Control& control) const;
  // (documents, numbers), each scaled to its length.
  std::vector<float> rows(const std::vector<int64_t>& documents) const;
  // Products of such rows with a direction (numbers): (documents).
  std::vector<float> along(Ops& ops, const std::vector<int64_t>& documents, const std::vector<float>& direction) const;

 private:
  struct Part;
  const Part& part_of(int64_t& document) const;  // makes `document` its place in the part

  std::filesystem::path path_;
  IndexHead head_;
  std::vector<std::unique_ptr<Part>> parts_;
  int64_t documents_ = 0;
};

}  // namespace stemma
