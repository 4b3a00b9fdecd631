// Texts in HDF5: of fixed or variable length, or bytes where a NUL would end the string early. For the hdf5_*.cpp files
// alone.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/session/hdf5_handles.h"

namespace stemma::hdf5 {

constexpr size_t text_budget = size_t{1} << 30;  // bytes of text in one data set

// Texts of either length, or bytes, of an attribute or data set. `read` is called with the memory type and the buffer.
template <class Read>
std::vector<std::string> texts_of(const Id& object, const Id& type, size_t count, TextHeap& heap,
                                  const std::string& place, Read read) {
  std::vector<std::string> texts(count);
  const H5T_class_t kind = H5Tget_class(*type);
  const Id element = kind == H5T_VLEN ? own(H5Tget_super(*type), H5Tclose) : nullptr;
  const bool is_text = kind == H5T_STRING,
             is_bytes = element && H5Tget_class(*element) == H5T_INTEGER && H5Tget_size(*element) == 1;
  if (is_bytes || (is_text && H5Tis_variable_str(*type) > 0)) {
    std::vector<TextHeap::Place> places(count);
    if (!read(*place_type(), places.data())) fail_damaged(place, "cannot be read");
    size_t left = text_budget;
    for (size_t i = 0; i < count; ++i) {
      texts[i] = heap.text(*object, places[i], place);
      if (is_text) texts[i].resize(std::min(texts[i].size(), texts[i].find('\0')));
      if (texts[i].size() > left) fail_damaged(place, "holds more text than a file should");
      left -= texts[i].size();
    }
  } else if (is_text) {
    const size_t size = H5Tget_size(*type);
    std::string all(count * size, '\0');
    if (count > 0 && !read(*type, all.data())) fail_damaged(place, "cannot be read");
    texts = unpack(all, size, count);
  } else {
    fail_damaged(place, "is no text");
  }
  return texts;
}

inline bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

// Writes one text through `write`, as a string, or as bytes where a NUL would end the string early.
template <class Write>
void put_text(const std::string& text, Write write) {
  if (has_nul(text)) {
    const hvl_t piece = {text.size(), const_cast<char*>(text.data())};
    write(*bytes_type(), &piece);
  } else {
    const char* pointer = text.c_str();
    write(*text_type(0), &pointer);
  }
}

}  // namespace stemma::hdf5
