#include "runtime/model/files/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "runtime/error.h"
#include "runtime/model/files/gguf_cursor.h"
#include "runtime/model/files/json_file.h"

static_assert(std::endian::native == std::endian::little, "GGUF is read where it lies");

namespace stemma {

namespace {

constexpr size_t highest_rank = 4;                           // of ggml
constexpr uint64_t smallest_key = 13, smallest_tensor = 24;  // bytes of an entry

struct GgmlType {
  uint32_t number;
  std::string_view name;
  int64_t elements, bytes;  // of a block
};
constexpr GgmlType ggml_types[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 40},
    {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36}};

// What a tensor's entry says; its bytes are found when all entries are read.
struct Entry {
  StoredTensor tensor;
  uint64_t offset, length;
};

Entry read_entry(GgufCursor& cursor) {
  const std::string name(cursor.text("a tensor's name"));
  const std::string shown = in_quotes(name);
  const uint32_t rank = cursor.u32("a tensor's rank");
  if (name.empty()) cursor.refuse("a tensor has no name");
  if (rank < 1 || rank > highest_rank) cursor.refuse(fmt::format("tensor {} has {} dimensions", shown, rank));
  Entry entry{{name, "", {}, {}}, 0, 0};
  int64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const uint64_t extent = cursor.u64("a tensor's extent");
    int64_t product = 0;
    if (extent > INT64_MAX / 64 || __builtin_mul_overflow(elements, static_cast<int64_t>(extent), &product) ||
        product > INT64_MAX / 512)
      cursor.refuse(fmt::format("tensor {} has a shape whose product overflows", shown));
    elements = product;
    entry.tensor.shape.insert(entry.tensor.shape.begin(), static_cast<int64_t>(extent));
  }
  const uint32_t number = cursor.u32("a tensor's type");
  const auto type = std::find_if(std::begin(ggml_types), std::end(ggml_types),
                                 [&](const GgmlType& known) { return known.number == number; });
  if (type == std::end(ggml_types)) cursor.refuse(fmt::format("tensor {} has the unknown type {}", shown, number));
  if (entry.tensor.shape.back() % type->elements)
    cursor.refuse(fmt::format("tensor {} has rows of {} elements, which {} cannot divide into blocks of {}", shown,
                              entry.tensor.shape.back(), type->name, type->elements));
  entry.tensor.dtype = type->name;
  entry.length = static_cast<uint64_t>(elements / type->elements * type->bytes);
  entry.offset = cursor.u64("a tensor's place");
  return entry;
}

// `data` is what follows the entries, from its first aligned byte.
void place(std::vector<Entry>& entries, std::span<const std::byte> data, uint64_t alignment, const GgufCursor& cursor) {
  std::vector<const Entry*> order;
  for (Entry& entry : entries) {
    const std::string shown = in_quotes(entry.tensor.name);
    if (entry.offset % alignment)
      cursor.refuse(fmt::format("tensor {} begins at {}, no multiple of {}", shown, entry.offset, alignment));
    if (entry.offset > data.size() || entry.length > data.size() - entry.offset)
      cursor.refuse(
          fmt::format("tensor {} needs {} bytes from {} of the data, the file holds {}; it is cut short, "
                      "fetch it again",
                      shown, entry.length, entry.offset, data.size()));
    entry.tensor.bytes = data.subspan(entry.offset, entry.length);
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](auto* a, auto* b) { return std::pair(a->offset, a->length) < std::pair(b->offset, b->length); });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i]->offset < order[i - 1]->offset + order[i - 1]->length)
      cursor.refuse(fmt::format("tensor {} overlaps another", in_quotes(order[i]->tensor.name)));
}

}  // namespace

Gguf::Gguf(std::span<const std::byte> bytes, std::string file) : file_(std::move(file)) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 64));
  auto refuse = [&](ErrorCode code, const std::string& what) { throw Error(code, fmt::format("{}: {}", file_, what)); };
  if (is_git_lfs_pointer(start))
    refuse(ErrorCode::bad_file, "is a Git-LFS pointer, the weights are not here; fetch them with git lfs pull");
  if (!start.starts_with("GGUF")) refuse(ErrorCode::bad_file, "does not begin with GGUF; is it the right file?");
  GgufCursor cursor(bytes, file_);
  cursor.take(4, "the magic");
  const uint32_t version = cursor.u32("the version");
  if (version && !(version & 0xFFFF))
    refuse(ErrorCode::unsupported, "is a big-endian GGUF; convert it with gguf_convert_endian.py of llama.cpp");
  if (version != 2 && version != 3)
    refuse(ErrorCode::unsupported,
           fmt::format("is GGUF of version {}; convert the model again, versions 2 and 3 are read", version));
  const uint64_t tensors = cursor.u64("the number of tensors"), keys = cursor.u64("the number of keys");
  if (keys > cursor.left() / smallest_key || tensors > cursor.left() / smallest_tensor)
    cursor.refuse(
        fmt::format("claims {} keys and {} tensors, more than it can hold; it is cut short or damaged", keys, tensors));
  for (uint64_t i = 0; i < keys; ++i) {
    const std::string_view key = cursor.text("a key");
    if (!metadata_.emplace(key, cursor.value(key)).second)
      cursor.refuse(fmt::format("key {} is given twice", in_quotes(key)));
  }
  const int64_t alignment = integer("general.alignment").value_or(32);
  if (alignment < 1 || alignment > 1 << 20 || !std::has_single_bit(static_cast<uint64_t>(alignment)))
    cursor.refuse(fmt::format("its alignment of {} is no power of two", alignment));

  std::vector<Entry> entries;
  std::set<std::string_view> names;
  entries.reserve(tensors);
  for (uint64_t i = 0; i < tensors; ++i) {
    entries.push_back(read_entry(cursor));
    if (!names.insert(entries.back().tensor.name).second)
      cursor.refuse(fmt::format("tensor {} is given twice", in_quotes(entries.back().tensor.name)));
  }
  const auto step = static_cast<uint64_t>(alignment);
  const uint64_t begin = std::min<uint64_t>((cursor.at() + step - 1) / step * step, bytes.size());
  place(entries, bytes.subspan(begin), step, cursor);
  tensors_.reserve(entries.size());
  for (Entry& entry : entries) tensors_.push_back(std::move(entry.tensor));
}

}  // namespace stemma
