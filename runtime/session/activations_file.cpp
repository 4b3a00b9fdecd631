#include "runtime/session/activations_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "runtime/error.h"
#include "runtime/session/rename_whole.h"
#include "runtime/session/session.h"
#include "runtime/session/store.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

fs::path absolute_path(const fs::path& path) {
  std::error_code failed;
  const fs::path whole = fs::absolute(path, failed);
  return (failed ? path : whole).lexically_normal();
}

// Copies a trace's sites as far as all of them hold tokens; false where the crash left it unreadable.
bool copy_trace(const Hdf5Node& from, const Hdf5Node& to, const std::string& trace) {
  try {
    const Hdf5Node source = from.group(trace), copy = to.make_group(trace);
    const int64_t tokens = common_rows(source);
    for (const std::string& site : source.names()) {
      const Hdf5Node rows = source.open_rows(site);
      const int64_t width = rows.check_rows().at(1);
      copy.make_rows(site, width, chunk_rows(width));
      append_rows_of(rows, tokens, width, copy.open_rows(site));
    }
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::disk) throw;
    return false;
  }
}

void copy_flushed(const fs::path& from, const fs::path& to) {
  const Hdf5File source = Hdf5File::open_growing(from);
  Hdf5File target = Hdf5File::open_for(Hdf5File::Mode::create, to);
  {
    const Hdf5Node root = source.root(), copies = target.root();
    for (const std::string& trace : root.names()) {
      if (!copy_trace(root, copies, trace) && copies.has(trace)) copies.remove(trace);
    }
  }
  target.close();
}

}  // namespace

std::optional<RecordingPlace> place_of(const fs::path& session, const OutsideLink& link) {
  const fs::path object(link.object);
  const std::string trace = object.parent_path().filename().string(), site = object.filename().string();
  if (trace.empty() || site.empty() || link.file.empty()) return std::nullopt;
  return RecordingPlace{absolute_path(session).parent_path() / link.file, trace, site};
}

OutsideLink link_to(const fs::path& session, const RecordingPlace& place) {
  const fs::path target = absolute_path(place.file), folder = absolute_path(session).parent_path();
  const fs::path relative = target.lexically_relative(folder);
  return {(relative.empty() ? target : relative).string(), place.object()};
}

std::vector<std::string> recorded_sites(const fs::path& activations, const std::string& trace_id) {
  std::error_code failed;
  if (!fs::is_regular_file(activations, failed)) return {};
  try {
    const Hdf5File file = Hdf5File::open_growing(activations);
    const Hdf5Node root = file.root();
    if (!root.has(link_name(trace_id))) return {};
    std::vector<std::string> sites;
    const Hdf5Node trace = root.group(link_name(trace_id));
    for (const std::string& name : trace.names()) sites.push_back(text_of_link(name));
    if (common_rows(trace) == 0) sites.clear();  // it was never begun
    return sites;
  } catch (const Error&) {
    return {};
  }
}

int64_t chunk_rows(int64_t width) {
  constexpr int64_t most = 64, values = int64_t{1} << 18;  // half a MiB: the library's cache of a data set holds two
  return std::clamp<int64_t>(values / std::max<int64_t>(1, width), 1, most);
}

void append_rows_of(const Hdf5Node& from, int64_t tokens, int64_t width, const Hdf5Node& to) {
  constexpr int64_t numbers = 1 << 22;  // at once
  const int64_t step = std::max<int64_t>(1, numbers / std::max<int64_t>(1, width));
  for (int64_t begin = 0; begin < tokens; begin += step) {
    const int64_t rows = std::min(step, tokens - begin);
    to.append_rows(from.read_rows(begin, rows, width).data(), rows, width);
  }
}

fs::path part_of(const fs::path& activations) { return activations.string() + ".part"; }

int64_t common_rows(const Hdf5Node& trace) {
  int64_t rows = INT64_MAX;
  for (const std::string& site : trace.names()) {
    const Shape shape = trace.shape(site);
    rows = std::min(rows, shape.empty() ? 0 : shape.front());
  }
  return rows == INT64_MAX ? 0 : rows;
}

bool bears_crash_mark(const fs::path& activations) {
  std::error_code failed;
  if (!fs::is_regular_file(activations, failed)) return false;
  try {
    Hdf5File::open(activations);
    return false;
  } catch (const Error&) {
    return true;
  }
}

void complete_length(const fs::path& activations) {
  constexpr uint64_t most = uint64_t{1} << 30;
  // The superblock of versions 2 and 3: signature, version, size of offsets, ..., at byte 28 the length of the file.
  unsigned char head[36] = {};
  std::ifstream(activations, std::ios::binary).read(reinterpret_cast<char*>(head), sizeof head);
  if (std::memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0 || head[8] < 2 || head[9] != 8) return;
  uint64_t claimed = 0;
  std::memcpy(&claimed, head + 28, sizeof claimed);
  std::error_code failed;
  const uint64_t size = fs::file_size(activations, failed);
  if (!failed && size < claimed && claimed - size <= most) fs::resize_file(activations, claimed, failed);
}

void repair_activations(const fs::path& activations) {
  complete_length(activations);
  const fs::path beside = part_of(activations);
  std::error_code failed;
  try {
    try {
      copy_flushed(activations, beside);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::disk) throw;
      // Marked by a crash outside the appending mode: a plain copy without the mark.
      fs::copy_file(activations, beside, fs::copy_options::overwrite_existing, failed);
      if (failed)
        throw Error(ErrorCode::disk, fmt::format("{}: cannot be copied ({})", activations.string(), failed.message()));
      Hdf5File::open_for(Hdf5File::Mode::clear_crash_marks, beside).close();
      const Hdf5File copy = Hdf5File::open(beside);
      for (const std::string& trace : copy.root().names()) common_rows(copy.root().group(trace));
    }
    rename_whole(beside, activations);
  } catch (const std::exception& error) {
    fs::remove(beside, failed);
    throw Error(ErrorCode::bad_file, fmt::format("{}: was left unfinished by a crash and cannot be repaired (is the "
                                                 "disk full?); move it away to record anew",
                                                 activations.string()));
  }
}

}  // namespace stemma
