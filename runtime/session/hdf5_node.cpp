#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "runtime/session/hdf5_file.h"
#include "runtime/session/hdf5_texts.h"

namespace stemma {

using namespace hdf5;

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

Hdf5Node Hdf5Node::child(const std::string& name, Handle id) const {
  Hdf5Node node = *this;
  node.id_ = std::move(id);
  node.path_ = fmt::format("{}/{}", path_ == "/" ? "" : path_, name);
  return node;
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
std::vector<T> Hdf5Node::read(const std::string& name, const Shape& shape, const Shape& part) const {
  const Handle set = open(name);
  if (H5Iget_type(*set) != H5I_DATASET) fail_damaged(place(name), "is no data set");
  const Id stored = own(H5Dget_type(*set), H5Tclose), wanted = type_of<T>();
  if (!stored || H5Tget_class(*stored) != H5Tget_class(*wanted) ||
      (std::is_same_v<T, uint16_t> && H5Tequal(*stored, *wanted) <= 0)) {
    fail_damaged(place(name), "holds another kind of number");
  }
  Shape extents = check_extents(set, place(name), shape, std::max(sizeof(T), H5Tget_size(*stored)));
  const Id space = own(H5Dget_space(*set), H5Sclose);
  if (!part.empty()) {
    std::vector<hsize_t> start(extents.size(), 0);
    for (size_t i = 0; i < part.size(); ++i) {
      if (part[i] < 0 || part[i] >= extents.at(i))
        fail_damaged(place(name), fmt::format("has no part {}", words(part)));
      start[i] = static_cast<hsize_t>(part[i]);
      extents[i] = 1;
    }
    const std::vector<hsize_t> count(extents.begin(), extents.end());
    if (!space || H5Sselect_hyperslab(*space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr) < 0)
      fail_damaged(place(name), "cannot be read");
  }
  std::vector<T> values(static_cast<size_t>(count_of(extents)));
  const Id memory = space_of(extents);
  if (!values.empty() && H5Dread(*set, *wanted, *memory, *space, H5P_DEFAULT, values.data()) < 0)
    fail_damaged(place(name), "cannot be read");
  return values;
}

#define STEMMA_NUMBER(T)                                                                                    \
  template void Hdf5Node::write<T>(const std::string&, const std::vector<T>&, const Shape&, Packing) const; \
  template std::vector<T> Hdf5Node::read<T>(const std::string&, const Shape&, const Shape&) const;
STEMMA_NUMBER(uint8_t)
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

int64_t Hdf5Node::offset(const std::string& name) const {
  const Handle set = open(name);
  const Id layout = own(H5Dget_create_plist(*set), H5Pclose);
  if (!layout || H5Pget_layout(*layout) != H5D_CONTIGUOUS || H5Pget_external_count(*layout) != 0) return -1;
  const haddr_t place = H5Dget_offset(*set);
  return place == HADDR_UNDEF ? -1 : static_cast<int64_t>(place);
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

std::vector<std::string> Hdf5Node::read_texts(const std::string& name, const Shape& shape,
                                              const std::vector<int64_t>& places) const {
  const Handle set = open(name);
  if (H5Iget_type(*set) != H5I_DATASET) fail_damaged(place(name), "is no data set");
  const Id type = own(H5Dget_type(*set), H5Tclose);
  if (!type) fail_damaged(place(name), "cannot be read");
  const Shape extents = check_extents(set, place(name), shape, H5Tget_size(*type));
  if (!places.empty() && (extents.size() != 1 || places.front() < 0 || places.back() >= extents.front()))
    fail_damaged(place(name), "has fewer texts than are asked for");
  const std::vector<hsize_t> chosen(places.begin(), places.end());
  const Id all = own(H5Dget_space(*set), H5Sclose), some = space_of({std::ssize(places)});
  if (!chosen.empty() && (!all || H5Sselect_elements(*all, H5S_SELECT_SET, chosen.size(), chosen.data()) < 0))
    fail_damaged(place(name), "cannot be read");
  const size_t count = chosen.empty() ? static_cast<size_t>(count_of(extents)) : chosen.size();
  return texts_of(set, type, count, *heap_, place(name), [&](hid_t memory, void* values) {
    return count == 0 || H5Dread(*set, memory, chosen.empty() ? H5S_ALL : *some, chosen.empty() ? H5S_ALL : *all,
                                 H5P_DEFAULT, values) >= 0;
  });
}

bool Hdf5Node::has(const std::string& name) const {
  prepare_library();
  return H5Lexists(*id_, name.c_str(), H5P_DEFAULT) > 0 && H5Oexists_by_name(*id_, name.c_str(), *inside_only()) > 0;
}

bool Hdf5Node::is_group(const std::string& name) const {
  const Id object = has(name) ? own(H5Oopen(*id_, name.c_str(), *inside_only()), H5Oclose) : nullptr;
  return object && H5Iget_type(*object) == H5I_GROUP;
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
  std::ranges::sort(names, [](const auto& a, const auto& b) { return strverscmp(a.c_str(), b.c_str()) < 0; });
  return names;
}

Hdf5Node Hdf5Node::group(const std::string& name) const {
  const Handle id = open(name);
  if (H5Iget_type(*id) != H5I_GROUP) fail_damaged(place(name), "is no group");
  return child(name, id);
}

Hdf5Node Hdf5Node::make_group(const std::string& name) const {
  prepare_library();
  const Handle id = own(H5Gcreate2(*id_, name.c_str(), H5P_DEFAULT, *untimed_group(), H5P_DEFAULT), H5Gclose);
  check_written(id != nullptr, place(name));
  return child(name, id);
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

namespace {

// Whether a data set says what it holds and where: the library's copy crashes where it does not.
herr_t can_be_copied(hid_t object, const char* name, const H5O_info_t* info, void*) {
  if (info->type != H5O_TYPE_DATASET) return 0;
  const Id set = own(H5Dopen2(object, name, H5P_DEFAULT), H5Dclose);
  const Id type = set ? own(H5Dget_type(*set), H5Tclose) : nullptr,
           space = set ? own(H5Dget_space(*set), H5Sclose) : nullptr,
           layout = set ? own(H5Dget_create_plist(*set), H5Pclose) : nullptr;
  hsize_t chunks = 0;
  if (!type || !space || !layout) return -1;
  return H5Pget_layout(*layout) != H5D_CHUNKED || H5Dget_num_chunks(*set, *space, &chunks) >= 0 ? 0 : -1;
}

}  // namespace

void Hdf5Node::copy(const std::string& name, const Hdf5Node& from, const std::string& source) const {
  const Handle object = from.open(source);
  if (H5Ovisit2(*object, H5_INDEX_NAME, H5_ITER_INC, can_be_copied, nullptr, H5O_INFO_BASIC) < 0)
    fail_damaged(from.place(source), "cannot be read");
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
  const Handle id = open(name);
  if (H5Iget_type(*id) != H5I_DATASET || extents_of(id).size() != 2) fail_damaged(place(name), "is no matrix");
  return child(name, id);
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

Shape Hdf5Node::check_rows() const {
  const Id stored = own(H5Dget_type(*id_), H5Tclose);
  if (!stored || H5Tequal(*stored, *half_type()) <= 0) fail_damaged(place(), "holds another kind of number");
  return check_extents(id_, place(), {-1, -1}, sizeof(uint16_t));
}

std::vector<uint16_t> Hdf5Node::read_rows(int64_t first, int64_t rows, int64_t width) const {
  prepare_library();
  std::vector<uint16_t> values(static_cast<size_t>(rows * width));
  if (values.empty()) return values;
  const hsize_t start[2] = {static_cast<hsize_t>(first), 0},
                count[2] = {static_cast<hsize_t>(rows), static_cast<hsize_t>(width)};
  const Id memory = own(H5Screate_simple(2, count, nullptr), H5Sclose), file = own(H5Dget_space(*id_), H5Sclose);
  if (!file || H5Sselect_hyperslab(*file, H5S_SELECT_SET, start, nullptr, count, nullptr) < 0 ||
      H5Dread(*id_, *half_type(), *memory, *file, H5P_DEFAULT, values.data()) < 0)
    fail_damaged(place(), "cannot be read");
  return values;
}

}  // namespace stemma
