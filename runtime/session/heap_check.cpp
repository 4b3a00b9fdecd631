#include "runtime/session/heap_check.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "runtime/session/hdf5_layout.h"

namespace stemma {

namespace {

// Format specification of HDF5, III.E: signature, version 1, three zeros, then the heap's length; each object has an
// index (2), a count (2), four zeros, a length (8), and its bytes up to a multiple of eight. Index 0 is free space.
constexpr std::string_view signature("GCOL\1\0\0\0", 8);
constexpr uint64_t heap_head = 16, object_head = 16;

uint64_t number_at(std::string_view bytes, size_t at, size_t width) {
  uint64_t number = 0;
  std::memcpy(&number, bytes.data() + at, width);
  return number;
}

bool is_sound(std::string_view heap) {
  for (uint64_t at = heap_head; at + object_head <= heap.size();) {
    const uint64_t length = number_at(heap, at + 8, 8), left = heap.size() - at;
    const bool is_free = number_at(heap, at, 2) == 0;  // its length counts its head
    if (length > left || (is_free && length == 0)) return false;
    const uint64_t taken = is_free ? length : object_head + (length + 7) / 8 * 8;
    if (taken > left) return false;
    at += taken;
  }
  return true;
}

}  // namespace

void check_heaps(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(stream), {}};
  const std::string_view bytes(file);
  for (size_t at = bytes.find(signature); at != std::string_view::npos; at = bytes.find(signature, at + 1)) {
    const uint64_t left = bytes.size() - at;
    const uint64_t length = left < heap_head ? 0 : number_at(bytes, at + 8, 8);
    if (length < heap_head || length > left || !is_sound(bytes.substr(at, length))) {
      fail_damaged(fmt::format("{}: the texts at byte {}", path.string(), at), "are longer than their place");
    }
  }
}

}  // namespace stemma
