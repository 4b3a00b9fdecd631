// What of an HDF5 file can be decided without HDF5: shapes, chunks, claims, texts of fixed length, and the sentences.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace stemma {

using Shape = std::vector<int64_t>;

[[noreturn]] void fail_damaged(const std::string& place, const std::string& what);
[[noreturn]] void fail_unwritten(const std::string& place);
void check_written(bool good, const std::string& place);  // throws where it is not

std::string words(const Shape& shape);  // "(3, any)"
int64_t count_of(const Shape& shape);   // -1 where it overflows

// Throws unless `extents` are the expected ones (-1: any) and the data set stores enough to hold elements of that size.
void check_claim(const std::string& place, const Shape& extents, const Shape& expected, size_t element,
                 uint64_t stored);
void check_count(const std::string& place, size_t values, const Shape& shape);  // throws where they differ

inline constexpr int64_t compact_bytes = 4096;  // no more than this lies in an object's header
Shape chunk_of(const Shape& shape, size_t element);

// Texts with NUL made visible; packed at one length where that is worth it.
struct PackedTexts {
  std::vector<std::string> texts;
  size_t length = 0;  // of each; 0: they are not packed
  std::string bytes;  // all of them, padded with NUL
};
PackedTexts pack(const std::vector<std::string>& texts);
std::vector<std::string> unpack(const std::string& bytes, size_t length, size_t count);

// Throws Error: missing, a folder, empty.
void check_has_bytes(const std::filesystem::path& path);

}  // namespace stemma
