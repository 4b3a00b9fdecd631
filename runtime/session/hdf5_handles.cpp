#include "runtime/session/hdf5_handles.h"

#include <algorithm>
#include <vector>

namespace stemma::hdf5 {

namespace {

// The "conversion" of what a file holds of a text to a place_type(): left as it is.
herr_t leave(hid_t from, hid_t to, H5T_cdata_t* work, size_t, size_t, size_t, void*, void*, hid_t) {
  work->need_bkg = H5T_BKG_NO;
  return H5Tget_size(from) == sizeof(TextHeap::Place) && H5Tget_size(to) == sizeof(TextHeap::Place) ? 0 : -1;
}

// Of both kinds of text, for good. Handles would want the library prepared, which this is part of.
void register_places() {
  const hid_t text = H5Tcopy(H5T_C_S1), bytes = H5Tvlen_create(H5T_STD_U8LE),
              place = H5Tcreate(H5T_OPAQUE, sizeof(TextHeap::Place));
  H5Tset_size(text, H5T_VARIABLE);
  for (const hid_t from : {text, bytes}) H5Tregister(H5T_PERS_SOFT, "place of a text", from, place, leave);
  for (const hid_t type : {text, bytes, place}) H5Tclose(type);
}

}  // namespace

// The library prints its own error stack unless told not to, thread by thread; and at exit it would try again to write
// what a full disk refused.
void prepare_library() {
  static const bool once = [] {
    H5dont_atexit();
    H5open();
    H5PLset_loading_state(0);
    register_places();
    return true;
  }();
  thread_local const bool muted = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  (void)once, (void)muted;
}

Id own(hid_t id, herr_t (*close)(hid_t)) {
  if (id < 0) return nullptr;
  return Id(new int64_t(id), [close](const int64_t* held) {
    prepare_library();
    close(*held);
    delete held;
  });
}

Id inside_only() {
  static const Id only = [] {
    Id access = own(H5Pcreate(H5P_LINK_ACCESS), H5Pclose);
    const auto refuse = [](const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) -> herr_t {
      return -1;
    };
    H5Pset_elink_cb(*access, refuse, nullptr);
    return access;
  }();
  return only;
}

Id untimed_group() {
  static const Id untimed = [] {
    Id properties = own(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
    H5Pset_obj_track_times(*properties, false);
    return properties;
  }();
  return untimed;
}

Id place_type() { return own(H5Tcreate(H5T_OPAQUE, sizeof(TextHeap::Place)), H5Tclose); }

Id half_type() {
  const Id type = own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(*type, 15, 10, 5, 0, 10);
  H5Tset_size(*type, 2);
  H5Tset_ebias(*type, 15);
  return type;
}

Id text_type(size_t size) {
  const Id type = own(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(*type, H5T_CSET_UTF8);
  H5Tset_size(*type, size == 0 ? H5T_VARIABLE : size);
  if (size > 0) H5Tset_strpad(*type, H5T_STR_NULLPAD);
  return type;
}

Id bytes_type() { return own(H5Tvlen_create(H5T_NATIVE_UINT8), H5Tclose); }

Id scalar() {
  static const Id space = own(H5Screate(H5S_SCALAR), H5Sclose);
  return space;
}

Id space_of(const Shape& shape) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return own(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
}

Id layout_of(const Shape& shape, size_t element, Packing packing) {
  const auto untimed = [](H5D_layout_t kind) {
    Id layout = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(*layout, false);  // the same session is the same bytes
    H5Pset_layout(*layout, kind);
    return layout;
  };
  static const Id plain = untimed(H5D_CONTIGUOUS), compact = untimed(H5D_COMPACT);
  const int64_t size = static_cast<int64_t>(element);
  const int64_t bytes = count_of(shape) * size;
  if (bytes == 0) return plain;
  if (bytes <= compact_bytes) return compact;
  if (packing == Packing::none) return plain;
  const Id layout = untimed(H5D_CHUNKED);
  const Shape extents = chunk_of(shape, element);
  const std::vector<hsize_t> chunk(extents.begin(), extents.end());
  H5Pset_chunk(*layout, static_cast<int>(chunk.size()), chunk.data());
  H5Pset_shuffle(*layout);
  H5Pset_deflate(*layout, 4);
  return layout;
}

Shape extents_of(const Id& set) {
  const Id space = own(H5Dget_space(*set), H5Sclose);
  const int rank = space ? H5Sget_simple_extent_ndims(*space) : 0;
  std::vector<hsize_t> extents(static_cast<size_t>(std::max(rank, 0)));
  if (rank > 0) H5Sget_simple_extent_dims(*space, extents.data(), nullptr);
  return Shape(extents.begin(), extents.end());
}

Shape check_extents(const Id& set, const std::string& place, const Shape& expected, size_t element) {
  const Id layout = own(H5Dget_create_plist(*set), H5Pclose);
  if (!layout || H5Pget_layout(*layout) == H5D_VIRTUAL || H5Pget_external_count(*layout) != 0) {
    fail_damaged(place, "keeps its data in another file");
  }
  const Shape extents = extents_of(set);
  check_claim(place, extents, expected, element, H5Dget_storage_size(*set));
  return extents;
}

}  // namespace stemma::hdf5
