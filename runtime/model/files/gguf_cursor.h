// Reads a GGUF file front to back and never past its end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/model/files/gguf.h"

namespace stemma {

class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  uint64_t at() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void refuse(const std::string& what) const;  // Error(bad_file) with the file and the byte

  std::span<const std::byte> take(uint64_t count, const char* what);  // `what` is for messages: "a tensor's name"
  uint32_t u32(const char* what);
  uint64_t u64(const char* what);
  std::string_view text(const char* what);
  GgufValue value(std::string_view key);

 private:
  std::span<const std::byte> bytes_;
  const std::string& file_;
  uint64_t at_ = 0;
};

}  // namespace stemma
