#include "runtime/session/hdf5_file.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "runtime/error.h"
#include "runtime/model/replace_file.h"

namespace stemma {

namespace {

static_assert(std::is_same_v<hid_t, int64_t>);

constexpr size_t text_budget = size_t{1} << 30;  // bytes of text in one data set

using Id = std::shared_ptr<const int64_t>;

// The library prints its own error stack unless told not to, thread by thread; and at exit it would try again to write
// what a full disk refused.
void prepare_library() {
  static const bool once = [] {
    H5dont_atexit();
    H5open();
    H5PLset_loading_state(0);
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

herr_t refuse_outside(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) { return -1; }

Id inside_only() {
  const Id access = own(H5Pcreate(H5P_LINK_ACCESS), H5Pclose);
  H5Pset_elink_cb(*access, refuse_outside, nullptr);
  return access;
}

Id half_type() {
  const Id type = own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  H5Tset_fields(*type, 15, 10, 5, 0, 10);
  H5Tset_size(*type, 2);
  H5Tset_ebias(*type, 15);
  return type;
}

template <class T>
Id type_of() {
  if constexpr (std::is_same_v<T, uint16_t>) return half_type();
  if constexpr (std::is_same_v<T, int32_t>) return own(H5Tcopy(H5T_STD_I32LE), H5Tclose);
  if constexpr (std::is_same_v<T, uint32_t>) return own(H5Tcopy(H5T_STD_U32LE), H5Tclose);
  if constexpr (std::is_same_v<T, int64_t>) return own(H5Tcopy(H5T_STD_I64LE), H5Tclose);
  if constexpr (std::is_same_v<T, uint64_t>) return own(H5Tcopy(H5T_STD_U64LE), H5Tclose);
  if constexpr (std::is_same_v<T, float>) return own(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  if constexpr (std::is_same_v<T, double>) return own(H5Tcopy(H5T_IEEE_F64LE), H5Tclose);
}

// size 0: variable length.
Id text_type(size_t size) {
  const Id type = own(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_cset(*type, H5T_CSET_UTF8);
  H5Tset_size(*type, size == 0 ? H5T_VARIABLE : size);
  if (size > 0) H5Tset_strpad(*type, H5T_STR_NULLPAD);
  return type;
}

Id bytes_type() { return own(H5Tvlen_create(H5T_NATIVE_UINT8), H5Tclose); }

Id scalar() { return own(H5Screate(H5S_SCALAR), H5Sclose); }

Id space_of(const Shape& shape) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return own(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
}

// Small data lies in the object's header, large data is shuffled and deflated.
Id layout_of(const Shape& shape, size_t element, Packing packing = Packing::deflate) {
  const Id layout = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(*layout, false);  // the same session is the same bytes
  const int64_t size = static_cast<int64_t>(element);
  const int64_t bytes = count_of(shape) * size;
  if (bytes == 0) return layout;
  if (bytes <= compact_bytes) {
    H5Pset_layout(*layout, H5D_COMPACT);
    return layout;
  }
  if (packing == Packing::none) return layout;
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

// Throws unless `set` holds its own data, has this shape, and can hold as much as it says.
Shape check_extents(const Id& set, const std::string& place, const Shape& expected, size_t element) {
  const Id layout = own(H5Dget_create_plist(*set), H5Pclose);
  if (!layout || H5Pget_layout(*layout) == H5D_VIRTUAL || H5Pget_external_count(*layout) != 0) {
    fail_damaged(place, "keeps its data in another file");
  }
  const Shape extents = extents_of(set);
  check_claim(place, extents, expected, element, H5Dget_storage_size(*set));
  return extents;
}

// The allocator of texts of variable length, with a limit.
void* take_text(size_t size, void* left) {
  auto* budget = static_cast<size_t*>(left);
  if (size > *budget) return nullptr;
  *budget -= size;
  return std::malloc(size);
}
void free_text(void* text, void*) { std::free(text); }

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

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

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

Id open_attribute(const Id& id, const std::string& name, const std::string& place) {
  prepare_library();
  const Id attribute = own(H5Aopen(*id, name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute) fail_damaged(place, fmt::format("has no attribute \"{}\"", name));
  const Id space = own(H5Aget_space(*attribute), H5Sclose);
  if (!space || H5Sget_simple_extent_npoints(*space) != 1)
    fail_damaged(place, fmt::format("attribute \"{}\" is no single value", name));
  return attribute;
}

void put_attribute(const Id& id, const std::string& name, hid_t type, const void* value, const std::string& place) {
  prepare_library();
  if (H5Aexists(*id, name.c_str()) > 0) H5Adelete(*id, name.c_str());
  const Id attribute = own(H5Acreate2(*id, name.c_str(), type, *scalar(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  check_written(attribute && H5Awrite(*attribute, type, value) >= 0, place);
}

Id access_to_file(bool lock) {
  prepare_library();
  const Id access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_file_locking(*access, lock, true);
  return access;
}

void check_is_hdf5(const std::filesystem::path& path) {
  check_has_bytes(path);
  const htri_t is = H5Fis_hdf5(path.c_str());
  if (is < 0) throw Error(ErrorCode::bad_file, fmt::format("{}: cannot be read; check its permissions", path.string()));
  if (is == 0) throw Error(ErrorCode::bad_file, fmt::format("{}: not an HDF5 file; check the path", path.string()));
}

}  // namespace

std::string Hdf5Node::place(const std::string& name) const {
  return fmt::format("{}: '{}{}{}'", file_, path_, name.empty() || path_ == "/" ? "" : "/", name);
}

Hdf5Node::Handle Hdf5Node::open(const std::string& name) const {
  prepare_library();
  const Handle id = own(H5Oopen(*id_, name.c_str(), *inside_only()), H5Oclose);
  if (!id)
    fail_damaged(place(name), H5Lexists(*id_, name.c_str(), H5P_DEFAULT) > 0 ? "cannot be opened" : "is missing");
  return id;
}

template <class T>
void Hdf5Node::write(const std::string& name, const std::vector<T>& values, const Shape& shape, Packing packing) const {
  prepare_library();
  check_count(place(name), values.size(), shape);
  const Id type = type_of<T>();
  const Id set = own(H5Dcreate2(*id_, name.c_str(), *type, *space_of(shape), H5P_DEFAULT,
                                *layout_of(shape, sizeof(T), packing), H5P_DEFAULT),
                     H5Dclose);
  check_written(set && (values.empty() || H5Dwrite(*set, *type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0),
                place(name));
}

template <class T>
std::vector<T> Hdf5Node::read(const std::string& name, const Shape& shape) const {
  const Handle set = open(name);
  if (H5Iget_type(*set) != H5I_DATASET) fail_damaged(place(name), "is no data set");
  const Id stored = own(H5Dget_type(*set), H5Tclose), wanted = type_of<T>();
  if (!stored || H5Tget_class(*stored) != H5Tget_class(*wanted) ||
      (std::is_same_v<T, uint16_t> && H5Tequal(*stored, *wanted) <= 0)) {
    fail_damaged(place(name), "holds another kind of number");
  }
  const Shape extents = check_extents(set, place(name), shape, std::max(sizeof(T), H5Tget_size(*stored)));
  std::vector<T> values(static_cast<size_t>(count_of(extents)));
  if (!values.empty() && H5Dread(*set, *wanted, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    fail_damaged(place(name), "cannot be read");
  return values;
}

#define STEMMA_NUMBER(T)                                                                                    \
  template void Hdf5Node::write<T>(const std::string&, const std::vector<T>&, const Shape&, Packing) const; \
  template std::vector<T> Hdf5Node::read<T>(const std::string&, const Shape&) const;
STEMMA_NUMBER(int32_t)
STEMMA_NUMBER(uint32_t)
STEMMA_NUMBER(float)
STEMMA_NUMBER(double)
STEMMA_NUMBER(uint16_t)
#undef STEMMA_NUMBER

Shape Hdf5Node::shape(const std::string& name) const {
  const Handle set = open(name);
  if (H5Iget_type(*set) != H5I_DATASET) fail_damaged(place(name), "is no data set");
  return extents_of(set);
}

void Hdf5Node::write_text(const std::string& name, const std::string& text) const {
  prepare_library();
  put_text(text, [&](hid_t type, const void* value) {
    const Id set =
        own(H5Dcreate2(*id_, name.c_str(), type, *scalar(), H5P_DEFAULT, *layout_of({0}, 1), H5P_DEFAULT), H5Dclose);
    check_written(set && H5Dwrite(*set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0, place(name));
  });
}

std::string Hdf5Node::read_text(const std::string& name) const { return read_texts(name, {}).front(); }

void Hdf5Node::write_texts(const std::string& name, const std::vector<std::string>& texts, const Shape& shape) const {
  prepare_library();
  check_count(place(name), texts.size(), shape);
  const PackedTexts packed = pack(texts);
  const bool fixed = packed.length > 0;
  const Id type = text_type(packed.length);
  const Id layout = fixed ? layout_of(shape, packed.length) : layout_of({0}, 1);
  const Id set =
      own(H5Dcreate2(*id_, name.c_str(), *type, *space_of(shape), H5P_DEFAULT, *layout, H5P_DEFAULT), H5Dclose);
  check_written(set != nullptr, place(name));
  if (texts.empty()) return;
  std::vector<const char*> pointers;
  for (const std::string& text : packed.texts) pointers.push_back(text.c_str());
  const void* values = fixed ? static_cast<const void*>(packed.bytes.data()) : pointers.data();
  check_written(H5Dwrite(*set, *type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0, place(name));
}

std::vector<std::string> Hdf5Node::read_texts(const std::string& name, const Shape& shape) const {
  const Handle set = open(name);
  if (H5Iget_type(*set) != H5I_DATASET) fail_damaged(place(name), "is no data set");
  const Id type = own(H5Dget_type(*set), H5Tclose);
  if (!type) fail_damaged(place(name), "cannot be read");
  const Shape extents = check_extents(set, place(name), shape, H5Tget_size(*type));
  size_t budget = text_budget;
  const Id transfer = own(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
  H5Pset_vlen_mem_manager(*transfer, take_text, &budget, free_text, nullptr);
  return texts_of(type, static_cast<size_t>(count_of(extents)), place(name), [&](hid_t memory, void* values) {
    return count_of(extents) == 0 || H5Dread(*set, memory, H5S_ALL, H5S_ALL, *transfer, values) >= 0;
  });
}

void Hdf5Node::set(const std::string& attribute, const std::string& value) const {
  put_text(value, [&](hid_t type, const void* pointer) { put_attribute(id_, attribute, type, pointer, place()); });
}
void Hdf5Node::set(const std::string& attribute, int64_t value) const {
  put_attribute(id_, attribute, *type_of<int64_t>(), &value, place());
}
void Hdf5Node::set(const std::string& attribute, uint64_t value) const {
  put_attribute(id_, attribute, *type_of<uint64_t>(), &value, place());
}
void Hdf5Node::set(const std::string& attribute, double value) const {
  put_attribute(id_, attribute, *type_of<double>(), &value, place());
}
void Hdf5Node::set(const std::string& attribute, bool value) const {
  const Id type = own(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);  // as h5py writes a bool
  for (const int8_t number : {0, 1}) H5Tenum_insert(*type, number ? "TRUE" : "FALSE", &number);
  const int8_t number = value;
  put_attribute(id_, attribute, *type, &number, place());
}

bool Hdf5Node::has_attribute(const std::string& attribute) const {
  prepare_library();
  return H5Aexists(*id_, attribute.c_str()) > 0;
}

std::string Hdf5Node::text(const std::string& attribute) const {
  const Id id = open_attribute(id_, attribute, place());
  const Id type = own(H5Aget_type(*id), H5Tclose);
  const std::string what = fmt::format("{} attribute \"{}\"", place(), attribute);
  if (!type || H5Tget_size(*type) > text_budget) fail_damaged(what, "cannot be read");
  return texts_of(type, 1, what, [&](hid_t memory, void* value) { return H5Aread(*id, memory, value) >= 0; }).front();
}

int64_t Hdf5Node::integer(const std::string& attribute) const {
  const Id id = open_attribute(id_, attribute, place());
  const Id type = own(H5Aget_type(*id), H5Tclose);
  const H5T_class_t kind = type ? H5Tget_class(*type) : H5T_NO_CLASS;
  int64_t value = 0;
  int8_t small = 0;
  uint64_t large = 0;
  if (kind == H5T_INTEGER && H5Tget_sign(*type) == H5T_SGN_NONE && H5Aread(*id, H5T_NATIVE_UINT64, &large) >= 0) {
    return static_cast<int64_t>(large);
  }
  if (kind == H5T_INTEGER && H5Aread(*id, H5T_NATIVE_INT64, &value) >= 0) return value;
  if (kind == H5T_ENUM && H5Tget_size(*type) == 1 && H5Aread(*id, *type, &small) >= 0) return small;
  fail_damaged(place(), fmt::format("attribute \"{}\" is no whole number", attribute));
}

double Hdf5Node::real(const std::string& attribute) const {
  const Id id = open_attribute(id_, attribute, place());
  const Id type = own(H5Aget_type(*id), H5Tclose);
  double value = 0;
  if (type && (H5Tget_class(*type) == H5T_FLOAT || H5Tget_class(*type) == H5T_INTEGER) &&
      H5Aread(*id, H5T_NATIVE_DOUBLE, &value) >= 0) {
    return value;
  }
  fail_damaged(place(), fmt::format("attribute \"{}\" is no number", attribute));
}

bool Hdf5Node::has(const std::string& name) const {
  prepare_library();
  return H5Lexists(*id_, name.c_str(), H5P_DEFAULT) > 0 && own(H5Oopen(*id_, name.c_str(), *inside_only()), H5Oclose);
}

std::vector<std::string> Hdf5Node::names() const {
  prepare_library();
  std::vector<std::string> names;
  const auto collect = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->push_back(name);
    return 0;
  };
  if (H5Literate(*id_, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names) < 0)
    fail_damaged(place(), "cannot be listed");
  return names;
}

Hdf5Node Hdf5Node::group(const std::string& name) const {
  Hdf5Node node;
  node.id_ = open(name);
  if (H5Iget_type(*node.id_) != H5I_GROUP) fail_damaged(place(name), "is no group");
  node.file_ = file_;
  node.path_ = path_ == "/" ? "/" + name : path_ + "/" + name;
  return node;
}

Hdf5Node Hdf5Node::make_group(const std::string& name) const {
  prepare_library();
  const Id properties = own(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(*properties, false);
  check_written(own(H5Gcreate2(*id_, name.c_str(), H5P_DEFAULT, *properties, H5P_DEFAULT), H5Gclose) != nullptr,
                place(name));
  return group(name);
}

uint64_t Hdf5Node::address(const std::string& name) const {
  H5O_info_t info;
  if (H5Oget_info2(*open(name), &info, H5O_INFO_BASIC) < 0) fail_damaged(place(name), "cannot be opened");
  return info.addr;
}

void Hdf5Node::link(const std::string& name, const Hdf5Node& group, const std::string& target) const {
  prepare_library();
  check_written(H5Lcreate_hard(*group.id_, target.c_str(), *id_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0,
                place(name));
}

void Hdf5Node::link_outside(const std::string& name, const OutsideLink& link) const {
  prepare_library();
  check_written(
      H5Lcreate_external(link.file.c_str(), link.object.c_str(), *id_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0,
      place(name));
}

std::optional<OutsideLink> Hdf5Node::outside_link(const std::string& name) const {
  prepare_library();
  H5L_info_t info;
  if (H5Lget_info(*id_, name.c_str(), &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_EXTERNAL) return std::nullopt;
  std::vector<char> value(info.u.val_size);
  const char *file = nullptr, *object = nullptr;
  unsigned flags = 0;
  if (H5Lget_val(*id_, name.c_str(), value.data(), value.size(), H5P_DEFAULT) < 0 ||
      H5Lunpack_elink_val(value.data(), value.size(), &flags, &file, &object) < 0) {
    fail_damaged(place(name), "cannot be read");
  }
  return OutsideLink{file, object};
}

void Hdf5Node::copy(const std::string& name, const Hdf5Node& from, const std::string& source) const {
  prepare_library();
  check_written(H5Ocopy(*from.id_, source.c_str(), *id_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0, place(name));
}

void Hdf5Node::remove(const std::string& name) const {
  prepare_library();
  check_written(H5Ldelete(*id_, name.c_str(), H5P_DEFAULT) >= 0, place(name));
}

void Hdf5Node::make_rows(const std::string& name, int64_t width, int64_t chunk_rows) const {
  prepare_library();
  const hsize_t none[2] = {0, static_cast<hsize_t>(width)}, most[2] = {H5S_UNLIMITED, static_cast<hsize_t>(width)};
  const hsize_t chunk[2] = {static_cast<hsize_t>(chunk_rows), static_cast<hsize_t>(width)};
  const Id space = own(H5Screate_simple(2, none, most), H5Sclose),
           layout = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(*layout, 2, chunk);
  check_written(
      space && own(H5Dcreate2(*id_, name.c_str(), *half_type(), *space, H5P_DEFAULT, *layout, H5P_DEFAULT), H5Dclose),
      place(name));
}

Hdf5Node Hdf5Node::open_rows(const std::string& name) const {
  Hdf5Node node;
  node.id_ = open(name);
  if (H5Iget_type(*node.id_) != H5I_DATASET || extents_of(node.id_).size() != 2)
    fail_damaged(place(name), "is no matrix");
  node.file_ = file_;
  node.path_ = path_ == "/" ? "/" + name : path_ + "/" + name;
  return node;
}

void Hdf5Node::set_rows(int64_t rows, int64_t width) const {
  prepare_library();
  const hsize_t extents[2] = {static_cast<hsize_t>(rows), static_cast<hsize_t>(width)};
  check_written(H5Dset_extent(*id_, extents) >= 0, place());
}

void Hdf5Node::append_rows(const uint16_t* values, int64_t rows, int64_t width) const {
  const int64_t before = extents_of(id_).front();
  set_rows(before + rows, width);
  const hsize_t start[2] = {static_cast<hsize_t>(before), 0},
                count[2] = {static_cast<hsize_t>(rows), static_cast<hsize_t>(width)};
  const Id memory = own(H5Screate_simple(2, count, nullptr), H5Sclose), file = own(H5Dget_space(*id_), H5Sclose);
  check_written(file && H5Sselect_hyperslab(*file, H5S_SELECT_SET, start, nullptr, count, nullptr) >= 0 &&
                    H5Dwrite(*id_, *half_type(), *memory, *file, H5P_DEFAULT, values) >= 0,
                place());
}

Hdf5File Hdf5File::in_memory(const std::filesystem::path& path) {
  const Id access = access_to_file(false);
  H5Pset_fapl_core(*access, 1 << 20, false);
  H5Pset_libver_bounds(*access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  const Id properties = own(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(*properties, false);
  Hdf5File file;
  file.path_ = path;
  file.id_ = own(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, *properties, *access), H5Fclose);
  if (!file.id_) throw Error(ErrorCode::disk, fmt::format("{}: cannot be made; is memory full?", path.string()));
  return file;
}

void Hdf5File::save() {
  H5Fflush(*id_, H5F_SCOPE_GLOBAL);
  const ssize_t size = H5Fget_file_image(*id_, nullptr, 0);
  if (size <= 0) fail_unwritten(path_.string());
  std::string image(static_cast<size_t>(size), '\0');
  if (H5Fget_file_image(*id_, image.data(), image.size()) != size) fail_unwritten(path_.string());
  // H5Fget_file_image clears the superblock's "open for writing" flag, yet not in the superblock's checksum (1.10.8).
  // In superblock 2 no reader minds the flag, and every reader minds the checksum.
  if (image[8] == 2) image[11] = 1;
  FileReplacement replacement(path_);
  replacement.write(image);
  replacement.commit();
}

Hdf5File Hdf5File::open(const std::filesystem::path& path) {
  const Id access = access_to_file(false);
  check_is_hdf5(path);
  Hdf5File file;
  file.path_ = path;
  file.id_ = own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, *access), H5Fclose);
  if (!file.id_) fail_damaged(path.string(), "an HDF5 file that cannot be opened, perhaps cut short");
  return file;
}

Hdf5File Hdf5File::open_growing(const std::filesystem::path& path) {
  check_is_hdf5(path);
  Hdf5File file;
  file.path_ = path;
  for (const bool lock : {false, true}) {  // a file that this program appends to is open with a lock, and stays so
    file.id_ = own(H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, *access_to_file(lock)), H5Fclose);
    if (file.id_) return file;
  }
  return open(path);
}

Hdf5File Hdf5File::open_for(Mode mode, const std::filesystem::path& path) {
  const Id access = access_to_file(true);
  H5Pset_libver_bounds(*access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  if (mode == Mode::clear_crash_marks) {
    const hbool_t clear = true;
    H5Pset(*access, "clear_status_flags", &clear);
  }
  Hdf5File file;
  file.path_ = path;
  if (mode == Mode::create) {
    file.id_ = own(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, *access), H5Fclose);
    if (!file.id_) fail_unwritten(path.string());
  } else {
    check_is_hdf5(path);
    const unsigned flags = H5F_ACC_RDWR | (mode == Mode::append ? H5F_ACC_SWMR_WRITE : 0);
    file.id_ = own(H5Fopen(path.c_str(), flags, *access), H5Fclose);
    if (!file.id_) fail_damaged(path.string(), "cannot be opened for writing, perhaps held open by another program");
  }
  return file;
}

void Hdf5File::flush() {
  prepare_library();
  check_written(H5Fflush(*id_, H5F_SCOPE_GLOBAL) >= 0, path_.string());
}

void Hdf5File::close() {
  if (!id_) return;
  prepare_library();
  const bool good = H5Fflush(*id_, H5F_SCOPE_GLOBAL) >= 0;
  id_.reset();
  check_written(good, path_.string());
}

Hdf5Node Hdf5File::root() const {
  prepare_library();
  Hdf5Node node;
  node.id_ = own(H5Gopen2(*id_, "/", H5P_DEFAULT), H5Gclose);
  node.file_ = path_.string();
  node.path_ = "/";
  if (!node.id_) fail_damaged(node.file_, "its root cannot be opened");
  return node;
}

}  // namespace stemma
