// Bytes and lines of a file that may be compressed, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace stemma {

// The decompressed bytes of a file, from first to last.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Fills `to` with up to `size` bytes; 0 only at the end. Throws Error: unreadable, damaged, cut short (naming the
  // byte).
  virtual size_t read(char* to, size_t size) = 0;
};

// By name: .gz (any number of members), .zst (any number of frames, windows up to 2^27), else the bytes as they are.
std::unique_ptr<ByteStream> open_stream(const std::filesystem::path& path);

inline constexpr size_t longest_line = size_t{64} << 20;

class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path);
  // The next line without its newline, valid until the next call; false at the end. Throws Error past `longest_line`.
  bool next(std::string_view& line);
  uint64_t offset() const { return line_offset_; }  // where the line begins, in decompressed bytes
  int64_t number() const { return number_; }        // from 1

 private:
  std::filesystem::path path_;
  std::unique_ptr<ByteStream> stream_;
  std::string buffer_;
  size_t begin_ = 0, searched_ = 0;  // in buffer_: the rest not yet given, and how far it holds no newline
  uint64_t next_offset_ = 0, line_offset_ = 0;
  int64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace stemma
