#include "runtime/session/hdf5_file.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/replace_file.h"
#include "runtime/session/hdf5_handles.h"

namespace stemma {

using namespace hdf5;

namespace {

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
  // Of what the writer may be half through writing. The library waits twice as long each time, from 1 ns: the hundred
  // times that it has in mind would not end for a damaged file; these take 4 ms.
  constexpr unsigned attempts = 22;
  check_is_hdf5(path);
  Hdf5File file;
  file.path_ = path;
  for (const bool lock : {false, true}) {  // a file that this program appends to is open with a lock, and stays so
    const Id access = access_to_file(lock);
    H5Pset_metadata_read_attempts(*access, attempts);
    file.id_ = own(H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, *access), H5Fclose);
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
    const Id properties = own(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_obj_track_times(*properties, false);
    file.id_ = own(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, *properties, *access), H5Fclose);
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
  node.heap_ = heap_;
  node.path_.push_back('/');
  if (!node.id_) fail_damaged(node.file_, "its root cannot be opened");
  return node;
}

}  // namespace stemma
