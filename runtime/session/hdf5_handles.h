// Handles, types and layouts of the HDF5 library, each closed by itself. For the hdf5_*.cpp files alone.
#pragma once

#include <hdf5.h>

#include <memory>
#include <string>
#include <type_traits>

#include "runtime/session/hdf5_file.h"
#include "runtime/session/hdf5_layout.h"

namespace stemma::hdf5 {

static_assert(std::is_same_v<hid_t, int64_t>);

using Id = std::shared_ptr<const int64_t>;

// Before any call of the library on this thread.
void prepare_library();
Id own(hid_t id, herr_t (*close)(hid_t));  // null for a failed id
// What every group and data set asks for, and nobody changes, is made once: a session has thousands.
Id inside_only();    // link access that never leaves the file
Id untimed_group();  // creation of a group that keeps no times

Id half_type();
Id text_type(size_t size);  // 0: variable length
Id bytes_type();
Id place_type();  // a TextHeap::Place: what a file holds of a text of variable length
template <class T>
Id type_of() {
  static const Id type = [] {
    if constexpr (std::is_same_v<T, uint16_t>) return half_type();
    if constexpr (std::is_same_v<T, uint8_t>) return own(H5Tcopy(H5T_STD_U8LE), H5Tclose);
    if constexpr (std::is_same_v<T, int32_t>) return own(H5Tcopy(H5T_STD_I32LE), H5Tclose);
    if constexpr (std::is_same_v<T, uint32_t>) return own(H5Tcopy(H5T_STD_U32LE), H5Tclose);
    if constexpr (std::is_same_v<T, int64_t>) return own(H5Tcopy(H5T_STD_I64LE), H5Tclose);
    if constexpr (std::is_same_v<T, uint64_t>) return own(H5Tcopy(H5T_STD_U64LE), H5Tclose);
    if constexpr (std::is_same_v<T, float>) return own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
    if constexpr (std::is_same_v<T, double>) return own(H5Tcopy(H5T_IEEE_F64LE), H5Tclose);
  }();
  return type;
}

Id scalar();
Id space_of(const Shape& shape);
// Small data lies in the object's header, large data is shuffled and deflated.
Id layout_of(const Shape& shape, size_t element, Packing packing = Packing::deflate);
Shape extents_of(const Id& set);
// Throws unless `set` holds its own data, has this shape, and can hold as much as it says.
Shape check_extents(const Id& set, const std::string& place, const Shape& expected, size_t element);

}  // namespace stemma::hdf5
