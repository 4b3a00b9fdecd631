// A model's weights under the names and in the shapes of a Hugging Face checkpoint, whatever file they lie in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/model/config.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/safetensors.h"

namespace stemma {

// How a converter moved a tensor's numbers; undone while they are read.
struct Arrangement {
  enum class Rows {
    kept,
    pairs,      // rotary: the two halves of each of `heads` heads lie in turns
    triples,    // queries, keys, values of `heads` heads: by part and then head, not by head and then part
    transposed  // (out, in) where the checkpoint has (in, out)
  };
  Rows rows = Rows::kept;
  int64_t heads = 1;
  float add = 0;  // to every number

  bool operator==(const Arrangement&) const = default;
};

class Checkpoint {
 public:
  struct Found {
    const StoredTensor* tensor = nullptr;  // name and shape as in a Hugging Face checkpoint
    std::string file;                      // the path, for messages
    Arrangement arrangement;
    explicit operator bool() const { return tensor; }

    bool plain_f32() const;  // its bytes are the numbers
    // A row's bytes as they are stored, whatever their type; not where rows are transposed.
    std::span<const std::byte> row(int64_t row) const;
    // Elements [begin, begin + out.size()) as f32, in the checkpoint's own order. Throws Error as read_f32 does.
    void read(int64_t begin, std::span<float> out) const;
  };

  // model.safetensors, or the shards that model.safetensors.index.json lists. Throws Error: neither file is there, a
  // shard is missing or broken, two shards hold one name, the index names a tensor that its shard lacks.
  explicit Checkpoint(const std::filesystem::path& folder);
  // A GGUF file's tensors. Throws Error: one that the config's family does not have.
  Checkpoint(std::shared_ptr<const GgufFile> file, const ModelConfig& config);

  Found find(const std::string& name) const;
  const std::map<std::string, Found>& tensors() const { return found_; }
  const std::string& path() const { return path_; }  // model.safetensors, the index or the GGUF file
  int files() const { return gguf_ ? 1 : static_cast<int>(files_.size()); }

 private:
  std::string path_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::shared_ptr<const GgufFile> gguf_;
  std::vector<StoredTensor> renamed_;  // of gguf_
  std::map<std::string, Found> found_;
};

// Which shard holds each tensor, from the text of model.safetensors.index.json: plain names of files in its own folder.
// Throws Error; `file` is for messages.
std::map<std::string, std::string> parse_shard_index(std::string_view text, const std::string& file);

}  // namespace stemma
