// Texts in HDF5: of fixed or variable length, or bytes where a NUL would end the string early. For the hdf5_*.cpp files
// alone.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/session/hdf5_handles.h"

namespace stemma::hdf5 {

constexpr size_t text_budget = size_t{1} << 30;  // bytes of text in one data set

// Texts of either length, or bytes. `read` is called with the memory type and the buffer.
template <class Read>
std::vector<std::string> texts_of(const Id& type, size_t count, const std::string& place, Read read) {
  std::vector<std::string> texts(count);
  const H5T_class_t kind = H5Tget_class(*type);
  if (kind == H5T_STRING && H5Tis_variable_str(*type) > 0) {
    std::vector<char*> pointers(count, nullptr);
    const Id memory = text_type(0);
    H5Tset_cset(*memory, H5Tget_cset(*type));
    const bool good = read(*memory, pointers.data());
    for (size_t i = 0; i < count; ++i) {
      if (good && pointers[i]) texts[i] = pointers[i];
      std::free(pointers[i]);
    }
    if (!good) fail_damaged(place, "cannot be read");
  } else if (kind == H5T_STRING) {
    const size_t size = H5Tget_size(*type);
    std::string all(count * size, '\0');
    if (count > 0 && !read(*type, all.data())) fail_damaged(place, "cannot be read");
    texts = unpack(all, size, count);
  } else if (const Id element = kind == H5T_VLEN ? own(H5Tget_super(*type), H5Tclose) : nullptr;
             element && H5Tget_class(*element) == H5T_INTEGER && H5Tget_size(*element) == 1) {
    std::vector<hvl_t> pieces(count, hvl_t{0, nullptr});
    const bool good = read(*bytes_type(), pieces.data());
    for (size_t i = 0; i < count; ++i) {
      if (good && pieces[i].p) texts[i].assign(static_cast<const char*>(pieces[i].p), pieces[i].len);
      std::free(pieces[i].p);
    }
    if (!good) fail_damaged(place, "cannot be read");
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
