#include <fmt/format.h>

#include "runtime/session/hdf5_file.h"
#include "runtime/session/hdf5_texts.h"

namespace stemma {

using namespace hdf5;

namespace {

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

}  // namespace

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
  const auto read = [&](hid_t memory, void* value) { return H5Aread(*id, memory, value) >= 0; };
  return texts_of(id, type, 1, *heap_, what, read).front();
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

}  // namespace stemma
