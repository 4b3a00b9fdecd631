// S.activations.h5, and the links into it: /<trace>/<site> (T,C) f16.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/session/hdf5_file.h"

namespace stemma {

// Where a recording lies: a file, and the data set in it.
struct RecordingPlace {
  std::filesystem::path file;
  std::string trace, site;  // links inside the file

  std::string object() const { return "/" + trace + "/" + site; }
};

// From an external link of `session`, and to one: relative to the session's folder where that is possible.
std::optional<RecordingPlace> place_of(const std::filesystem::path& session, const OutsideLink& link);
OutsideLink link_to(const std::filesystem::path& session, const RecordingPlace& place);

// Sites recorded for a trace (links unescaped); empty where the file or the trace is missing. Never throws.
std::vector<std::string> recorded_sites(const std::filesystem::path& activations, const std::string& trace_id);

// Tokens of a chunk of a site.
int64_t chunk_rows(int64_t width);
// The first tokens of one site behind those of another.
void append_rows_of(const Hdf5Node& from, int64_t tokens, int64_t width, const Hdf5Node& to);

// Where a new version of the file is made before it takes its place; one at a time, by whoever holds the session.
std::filesystem::path part_of(const std::filesystem::path& activations);

// Tokens that all sites of a trace hold: a crash may leave some a few tokens ahead.
int64_t common_rows(const Hdf5Node& trace);

// A full disk leaves the file shorter than it says, and then nothing in it opens: gives it its length, with zeros. Only
// for whoever holds the session.
void complete_length(const std::filesystem::path& activations);

// Makes a file whole that a crash left marked as being written: all that was flushed is copied, then replaces it.
// A trace that cannot be read any more is left out.
void repair_activations(const std::filesystem::path& activations);
bool bears_crash_mark(const std::filesystem::path& activations);  // ask only while no one writes to it

}  // namespace stemma
