#include "runtime/session/activation_reader.h"

#include <fmt/format.h>

#include "kernels/half.h"
#include "runtime/error.h"
#include "runtime/session/activations_file.h"
#include "runtime/session/session.h"
#include "runtime/session/store.h"

namespace stemma {

namespace fs = std::filesystem;

ActivationReader::ActivationReader(const fs::path& session, const std::string& trace_id, const std::string& site) {
  RecordingPlace place = {activations_path(session), link_name(trace_id), link_name(site)};
  const std::string missing =
      fmt::format("{}: no activations of trace {} at {}; generate it again with that site captured", session.string(),
                  trace_id, site);
  Hdf5Node group;
  std::error_code failed;
  if (fs::exists(session, failed)) {
    file_ = Hdf5File::open(session);
    const Hdf5Node traces = file_.root().group("traces");
    if (traces.has(place.trace) && traces.group(place.trace).has("activations")) {
      group = traces.group(place.trace).group("activations");
      if (const auto link = group.outside_link(place.site)) {
        if (const auto target = place_of(session, *link)) place = *target;
      } else if (group.has(place.site)) {
        place.file.clear();
      }
    }
  }
  if (!place.file.empty()) {
    if (!fs::is_regular_file(place.file, failed)) throw Error(ErrorCode::not_found, missing);
    file_ = Hdf5File::open_growing(place.file);
    if (!file_.root().has(place.trace)) throw Error(ErrorCode::not_found, missing);
    group = file_.root().group(place.trace);
  }
  if (!group.has(place.site)) throw Error(ErrorCode::not_found, missing);
  rows_ = group.open_rows(place.site);
  const Shape shape = rows_.check_rows();
  width_ = shape.at(1);
  tokens_ = place.file.empty() ? shape.at(0) : common_rows(group);
}

void ActivationReader::read(int64_t begin, int64_t end, float* values) const {
  const std::vector<uint16_t> halves = rows_.read_rows(begin, end - begin, width_);
  for (size_t i = 0; i < halves.size(); ++i) values[i] = float_of(halves[i]);
}

}  // namespace stemma
