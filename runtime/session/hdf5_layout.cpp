#include "runtime/session/hdf5_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"

namespace stemma {

namespace {

constexpr int64_t chunk_bytes = 1 << 20;
constexpr int64_t free_bytes = 64 << 20;  // what a data set may claim however little of the file it fills
constexpr int64_t deflate_ratio = 1100;   // no more than this comes out of a deflated byte
constexpr size_t few_texts = 256, long_text = 1024;

std::string with_visible_nul(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == 0) {
      result += "\u2400";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

void fail_damaged(const std::string& place, const std::string& what) {
  throw Error(
      ErrorCode::bad_file,
      fmt::format("{}: {}; the file is damaged or was changed by another program, use a sound copy", place, what));
}

void fail_unwritten(const std::string& place) {
  throw Error(ErrorCode::disk, fmt::format("{}: cannot be written; is the disk full?", place));
}

void check_written(bool good, const std::string& place) {
  if (!good) fail_unwritten(place);
}

std::string words(const Shape& shape) {
  std::vector<std::string> extents;
  for (const int64_t extent : shape) extents.push_back(extent < 0 ? "any" : std::to_string(extent));
  return fmt::format("({})", fmt::join(extents, ", "));
}

int64_t count_of(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (__builtin_mul_overflow(count, extent, &count)) return -1;
  }
  return count;
}

void check_claim(const std::string& place, const Shape& extents, const Shape& expected, size_t element,
                 uint64_t stored) {
  bool same = extents.size() == expected.size();
  for (size_t i = 0; same && i < extents.size(); ++i) {
    same = extents[i] >= 0 && (expected[i] < 0 || extents[i] == expected[i]);
  }
  if (!same) fail_damaged(place, fmt::format("has shape {} where {} is due", words(extents), words(expected)));
  const int64_t count = count_of(extents);
  int64_t bytes = 0, most = 0;
  const bool overflow = count < 0 || __builtin_mul_overflow(count, static_cast<int64_t>(element), &bytes);
  if (__builtin_mul_overflow(stored, deflate_ratio, &most)) most = INT64_MAX;
  if (overflow || bytes > std::max(most, free_bytes)) {
    fail_damaged(place, fmt::format("claims shape {}, more than the file holds", words(extents)));
  }
}

void check_count(const std::string& place, size_t values, const Shape& shape) {
  if (static_cast<int64_t>(values) == count_of(shape)) return;
  throw Error(ErrorCode::does_not_fit, fmt::format("{}: {} values for shape {}, so nothing was written; make them anew",
                                                   place, values, words(shape)));
}

Shape chunk_of(const Shape& shape, size_t element) {
  Shape chunk(shape.size());
  int64_t room = std::max<int64_t>(1, chunk_bytes / static_cast<int64_t>(element));
  for (size_t i = shape.size(); i-- > 0;) {
    chunk[i] = std::min(shape[i], std::max<int64_t>(1, room));
    room /= chunk[i];
  }
  return chunk;
}

PackedTexts pack(const std::vector<std::string>& texts) {
  PackedTexts packed;
  size_t longest = 1;
  for (const std::string& text : texts) {
    packed.texts.push_back(with_visible_nul(text));
    longest = std::max(longest, packed.texts.back().size());
  }
  if (texts.size() <= few_texts || longest > long_text) return packed;
  packed.length = longest;
  packed.bytes.resize(texts.size() * longest, '\0');
  for (size_t i = 0; i < texts.size(); ++i) packed.texts[i].copy(packed.bytes.data() + i * longest, longest);
  return packed;
}

std::vector<std::string> unpack(const std::string& bytes, size_t length, size_t count) {
  std::vector<std::string> texts(count);
  for (size_t i = 0; i < count; ++i) {
    texts[i] = bytes.substr(i * length, length);
    texts[i].erase(texts[i].find_last_not_of('\0') + 1);
  }
  return texts;
}

void check_has_bytes(const std::filesystem::path& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) {
    throw Error(ErrorCode::not_found, fmt::format("{}: no such file; check the path", path.string()));
  }
  if (!std::filesystem::is_regular_file(path, failed)) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: not a file; name an HDF5 file", path.string()));
  }
  if (std::filesystem::file_size(path, failed) == 0) {
    throw Error(ErrorCode::bad_file, fmt::format("{}: an empty file, not HDF5; use a sound copy", path.string()));
  }
}

}  // namespace stemma
