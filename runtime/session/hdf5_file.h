// HDF5 without its C interface: groups, attributes, data sets, links. Only hdf5_handles.h includes hdf5.h.
//
// Every failure is an Error naming the file and the object. Files come from strangers: sizes are checked before memory
// is taken, links out of the file are never followed by the library, data kept in other files and filter plugins are
// refused. The library locks itself, so any thread may hold a file; one thread at a time uses it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/session/hdf5_layout.h"
#include "runtime/session/hdf5_text_heap.h"

namespace stemma {

enum class Packing { deflate, none };  // none: for large data that would not shrink

struct OutsideLink {
  std::string file, object;  // as written in the link: the file's name is relative to the linking file's folder
};

// A group or data set; the object stays open while a copy of the node lives.
class Hdf5Node {
 public:
  // T is uint8_t, int32_t, uint32_t, uint64_t, float, double, or uint16_t for IEEE half precision, bit by bit.
  template <class T>
  void write(const std::string& name, const std::vector<T>& values, const Shape& shape,
             Packing packing = Packing::deflate) const;
  // Throws unless the data set has this shape; -1 stands for any length. `part`: what lies at that place of the first
  // dimensions alone.
  template <class T>
  std::vector<T> read(const std::string& name, const Shape& shape, const Shape& part = {}) const;
  Shape shape(const std::string& name) const;
  // Where a data set's bytes lie in the file, in one piece as they are in memory; -1 where they do not.
  int64_t offset(const std::string& name) const;

  void write_text(const std::string& name, const std::string& text) const;
  std::string read_text(const std::string& name) const;
  // Many texts are stored at fixed length and compressed, few at variable length. NUL in them becomes U+2400.
  void write_texts(const std::string& name, const std::vector<std::string>& texts, const Shape& shape) const;
  // `places`: those alone, rising, of a list; empty: all.
  std::vector<std::string> read_texts(const std::string& name, const Shape& shape,
                                      const std::vector<int64_t>& places = {}) const;

  void set(const std::string& attribute, const std::string& value) const;
  void set(const std::string& attribute, const char* value) const { set(attribute, std::string(value)); }
  void set(const std::string& attribute, int64_t value) const;
  void set(const std::string& attribute, uint64_t value) const;
  void set(const std::string& attribute, int value) const { set(attribute, static_cast<int64_t>(value)); }
  void set(const std::string& attribute, double value) const;
  void set(const std::string& attribute, bool value) const;
  bool has_attribute(const std::string& attribute) const;
  std::string text(const std::string& attribute) const;
  int64_t integer(const std::string& attribute) const;
  double real(const std::string& attribute) const;

  bool has(const std::string& name) const;  // something that opens, inside this file
  bool is_group(const std::string& name) const;
  std::vector<std::string> names() const;  // of all links, sorted, block 2 before block 10
  Hdf5Node group(const std::string& name) const;
  Hdf5Node make_group(const std::string& name) const;
  uint64_t address(const std::string& name) const;  // equal for two names of one object
  void link(const std::string& name, const Hdf5Node& group, const std::string& target) const;  // a second name
  void link_outside(const std::string& name, const OutsideLink& link) const;
  std::optional<OutsideLink> outside_link(const std::string& name) const;
  void copy(const std::string& name, const Hdf5Node& from, const std::string& source) const;  // between files too
  void remove(const std::string& name) const;

  // Data sets that grow by rows: (0, width) at first, half precision, in chunks of `chunk_rows`.
  void make_rows(const std::string& name, int64_t width, int64_t chunk_rows) const;
  Hdf5Node open_rows(const std::string& name) const;
  void append_rows(const uint16_t* values, int64_t rows, int64_t width) const;  // of the node open_rows gave
  void set_rows(int64_t rows, int64_t width) const;
  // Of a file from a stranger: throws unless the node holds half precision and no more than is stored. Its shape.
  Shape check_rows() const;
  std::vector<uint16_t> read_rows(int64_t first, int64_t rows, int64_t width) const;  // after check_rows

  const std::string& file() const { return file_; }
  std::string place(const std::string& name = {}) const;  // "S.h5: '/traces/t001'"

 private:
  friend class Hdf5File;
  using Handle = std::shared_ptr<const int64_t>;
  Handle open(const std::string& name) const;
  Hdf5Node child(const std::string& name, Handle id) const;
  Handle id_;
  std::string file_, path_;
  std::shared_ptr<TextHeap> heap_;  // of the file
};

class Hdf5File {
 public:
  // A new file in memory; save() writes it to disk whole, or throws Error(disk) and leaves what was there.
  static Hdf5File in_memory(const std::filesystem::path& path);
  void save();

  // Throws Error: missing, empty, not HDF5, damaged. Takes no lock.
  static Hdf5File open(const std::filesystem::path& path);
  // Also while another program appends to it, or after that program crashed.
  static Hdf5File open_growing(const std::filesystem::path& path);

  // A file that grows on disk. `create` replaces what is there; `change` may add objects, `append` only rows.
  enum class Mode { create, change, append, clear_crash_marks };
  static Hdf5File open_for(Mode mode, const std::filesystem::path& path);
  void flush();
  void close();  // closes every node of it; throws Error(disk) where data did not reach the file

  Hdf5Node root() const;

 private:
  Hdf5Node::Handle id_;
  std::filesystem::path path_;
  std::shared_ptr<TextHeap> heap_ = std::make_shared<TextHeap>();
};

}  // namespace stemma
