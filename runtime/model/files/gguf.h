// The GGUF container, versions 2 and 3: metadata and tensors, read where they lie and checked before anything of them
// is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/files/mapped_file.h"
#include "runtime/model/files/stored_tensor.h"

namespace stemma {

// As numbered in the file.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, array, u64, i64, f64 };

// A value of the metadata: one element, or an array of elements of one type (never of arrays).
struct GgufValue {
  GgufType type = GgufType::u8;  // of the elements
  bool array = false;
  uint64_t count = 1;                // elements
  std::span<const std::byte> bytes;  // of the elements; a text is its u64 length and its bytes
};

// Metadata and tensors of a whole file's bytes; every view that is given out points into them.
class Gguf {
 public:
  // `file` is for messages. Throws Error: not GGUF, version 1, big-endian, a Git-LFS pointer, cut short, a count or
  // length beyond the file, arrays of arrays, names given twice, tensors that overlap or leave the file.
  Gguf(std::span<const std::byte> bytes, std::string file);

  const std::string& file() const { return file_; }
  const std::map<std::string_view, GgufValue>& metadata() const { return metadata_; }
  bool has(std::string_view key) const { return metadata_.contains(key); }

  // Nothing where the key is absent. Throw Error where it holds another kind of value. Texts are bytes, not surely
  // UTF-8.
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<int64_t> integer(std::string_view key) const;  // of any integer type
  std::optional<double> number(std::string_view key) const;    // also from an integer
  std::optional<bool> flag(std::string_view key) const;
  // The elements of an array; empty where the key is absent.
  std::vector<std::string_view> texts(std::string_view key) const;
  std::vector<int64_t> integers(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;
  std::vector<bool> flags(std::string_view key) const;

  // As named in the file; shapes are turned to row-major: (rows, columns). Any type of ggml, by its name.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }

 private:
  const GgufValue* find(std::string_view key, bool array) const;
  [[noreturn]] void refuse_kind(std::string_view key, const char* wanted) const;

  std::string file_;
  std::map<std::string_view, GgufValue> metadata_;
  std::vector<StoredTensor> tensors_;
};

class GgufFile : public Gguf {
 public:
  explicit GgufFile(const std::filesystem::path& path) : GgufFile(std::make_unique<MappedFile>(path)) {}

 private:
  explicit GgufFile(std::unique_ptr<MappedFile> mapped)
      : Gguf(mapped->bytes(), mapped->path().string()), mapped_(std::move(mapped)) {}

  std::unique_ptr<MappedFile> mapped_;
};

}  // namespace stemma
