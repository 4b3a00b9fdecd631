#include "runtime/session/hdf5_text_heap.h"

#include <cstring>
#include <string_view>

#include "runtime/session/hdf5_handles.h"

namespace stemma {

using namespace hdf5;

namespace {

template <class T>
T number_at(const void* bytes) {
  T number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

// The very file that the library has open, whatever lies under its name by now.
std::unique_ptr<MappedFile> mapped(int64_t object, const std::string& place) {
  const Id file = own(H5Iget_file_id(object), H5Fclose);
  const Id access = file ? own(H5Fget_access_plist(*file), H5Pclose) : nullptr;
  void* descriptor = nullptr;
  if (!access || H5Pget_driver(*access) != H5FD_SEC2 || H5Fget_vfd_handle(*file, *access, &descriptor) < 0 ||
      !descriptor)
    fail_damaged(place, "cannot be read");
  return std::make_unique<MappedFile>(*static_cast<const int*>(descriptor), place);
}

}  // namespace

std::string TextHeap::text(int64_t object, const Place& at, const std::string& place) {
  const auto length = number_at<uint32_t>(at.bytes), number = number_at<uint32_t>(at.bytes + 12);
  const auto heap = number_at<uint64_t>(at.bytes + 4);
  if (length == 0) return {};
  if (!file_) file_ = mapped(object, place);
  const std::vector<Piece>& pieces = pieces_of(heap, place);
  if (number >= pieces.size() || length > pieces[number].length) fail_damaged(place, "is longer than its place");
  return {reinterpret_cast<const char*>(file_->bytes().data()) + pieces[number].begin, length};
}

// Format specification, III.E: "GCOL", version 1, three zeros, the heap's length (8); each object has a number (2), a
// count (2), four zeros, a length (8), and its bytes up to a multiple of eight. Number 0 is free space, whose length
// counts its head.
const std::vector<TextHeap::Piece>& TextHeap::pieces_of(uint64_t heap, const std::string& place) {
  const auto [found, added] = heaps_.try_emplace(heap);
  std::vector<Piece>& pieces = found->second;
  if (!added) return pieces;
  constexpr std::string_view signature("GCOL\1");
  constexpr uint64_t head = 16;
  const std::string_view bytes(reinterpret_cast<const char*>(file_->bytes().data()), file_->bytes().size());
  if (heap > bytes.size() || bytes.size() - heap < head || !bytes.substr(heap).starts_with(signature))
    fail_damaged(place, "is not where the file says");
  const auto size = number_at<uint64_t>(bytes.data() + heap + 8);
  if (size > bytes.size() - heap) fail_damaged(place, "lies beyond the file's end; is it cut short?");
  for (uint64_t at = head; at <= size && size - at >= head;) {
    const char* const object = bytes.data() + heap + at;
    const auto number = number_at<uint16_t>(object);
    const auto length = number_at<uint64_t>(object + 8);
    if (number == 0) break;  // free to the end
    if (length > size - at - head) fail_damaged(place, "is longer than its place");
    if (pieces.size() <= number) pieces.resize(number + size_t{1});
    pieces[number] = {heap + at + head, length};
    at += head + (length + 7) / 8 * 8;
  }
  return pieces;
}

}  // namespace stemma
