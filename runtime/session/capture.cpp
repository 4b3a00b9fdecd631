#include "runtime/session/capture.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"
#include "runtime/session/activations_file.h"
#include "kernels/half.h"
#include "runtime/session/hdf5_file.h"
#include "runtime/session/rename_whole.h"
#include "runtime/session/session.h"
#include "runtime/session/session_lock.h"
#include "runtime/session/store.h"

namespace stemma {

namespace {

constexpr int64_t tokens_between_flushes = 16;
constexpr uint64_t copied_bytes = 64 << 20;  // as much is copied in a blink

bool is_empty_file(const std::filesystem::path& path) {
  std::error_code failed;
  return !std::filesystem::exists(path, failed) || std::filesystem::file_size(path, failed) == 0;
}

// Recordings are groups, one a trace, in a file that has no name for its kind: another's is not written to.
void refuse_foreign(const Hdf5Node& root, const std::filesystem::path& path) {
  bool foreign = root.has_attribute("format");
  for (const std::string& name : root.names()) foreign = foreign || !root.is_group(name);
  if (foreign)
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: holds something else than recordings of traces; move it away, or name the session "
                            "otherwise",
                            path.string()));
}

// Adds the empty data sets of traces. A kill while objects are made can cost everything in a file (measured), so they
// are made in a copy, which then takes the file's place; only a large file, costly to copy, is changed where it lies.
void make_structure(const std::filesystem::path& path, const std::vector<std::string>& traces,
                    const std::vector<SiteShape>& sites) {
  const bool is_new = is_empty_file(path);
  if (!is_new && bears_crash_mark(path)) repair_activations(path);
  const bool beside = is_new || std::filesystem::file_size(path) <= copied_bytes;
  const std::filesystem::path work = beside ? part_of(path) : path;
  std::error_code failed;
  try {
    if (beside && !is_new) {
      std::filesystem::copy_file(path, work, std::filesystem::copy_options::overwrite_existing, failed);
      if (failed) fail_unwritten(path.string());
    }
    Hdf5File file = Hdf5File::open_for(is_new ? Hdf5File::Mode::create : Hdf5File::Mode::change, work);
    if (!is_new) refuse_foreign(file.root(), path);
    for (const std::string& trace : traces) {
      const Hdf5Node root = file.root();
      if (root.has(link_name(trace))) root.remove(link_name(trace));  // of a generation that no session knows
      const Hdf5Node group = root.make_group(link_name(trace));
      for (const auto& [site, width] : sites) {
        group.make_rows(link_name(site), width, chunk_rows(width));
      }
    }
    file.close();
    if (beside) rename_whole(work, path);
  } catch (const Error&) {
    if (beside) std::filesystem::remove(work, failed);
    throw;
  }
}

}  // namespace

struct ActivationsInHand::State {
  std::shared_ptr<SessionLock> lock;
  std::filesystem::path path;
  std::vector<SiteShape> sites;
  Hdf5File file;
  bool open = false;
};

ActivationsInHand::ActivationsInHand(const std::filesystem::path& session, const std::vector<std::string>& trace_ids,
                                     std::vector<SiteShape> sites)
    : state_(std::make_unique<State>()) {
  for (const auto& [site, width] : sites)
    if (width <= 0)
      throw Error(ErrorCode::usage,
                  fmt::format("{}: activations of width {} cannot be recorded ({})", session.string(), width, site));
  state_->lock = SessionLock::take(session);
  const std::filesystem::path path = state_->path = activations_path(session);
  state_->sites = std::move(sites);
  make_structure(path, trace_ids, state_->sites);
  state_->file = Hdf5File::open_for(Hdf5File::Mode::append, path);
  state_->open = true;
}

ActivationsInHand::~ActivationsInHand() {
  try {
    close();
  } catch (const Error&) {
    // Whoever wants to know calls close() himself.
  }
}

void ActivationsInHand::close() {
  if (!state_->open) return;
  state_->open = false;
  const std::shared_ptr<SessionLock> lock = std::move(state_->lock);
  try {
    state_->file.close();
  } catch (const Error&) {
    complete_length(state_->path);
    throw;
  }
}

struct ActivationWriter::State {
  struct Site {
    std::string name;  // of its link
    Hdf5Node rows;
    int64_t width;
    std::vector<uint16_t> waiting;
    int64_t tokens = 0;  // given so far
  };
  Hdf5File& file;
  std::vector<Site> sites;
  int64_t flushed = 0;

  void write(Site& site) {
    const int64_t rows = static_cast<int64_t>(site.waiting.size()) / site.width;
    if (rows == 0) return;
    site.rows.append_rows(site.waiting.data(), rows, site.width);
    site.waiting.clear();
  }
};

ActivationWriter::ActivationWriter(ActivationsInHand& file, const std::string& trace_id)
    : state_(new State{file.state_->file, {}}) {
  const Hdf5Node group = state_->file.root().group(link_name(trace_id));
  for (const auto& [site, width] : file.state_->sites)
    state_->sites.push_back({link_name(site), group.open_rows(link_name(site)), width, {}, 0});
}

ActivationWriter::~ActivationWriter() {
  try {
    for (State::Site& site : state_->sites) state_->write(site);
  } catch (const Error&) {
    // Whoever wants to know calls flush() himself.
  }
}

void ActivationWriter::begin_as(const std::string& trace_id, int64_t tokens) {
  const Hdf5Node group = state_->file.root().group(link_name(trace_id));
  for (State::Site& site : state_->sites) {
    append_rows_of(group.open_rows(site.name), tokens, site.width, site.rows);
    site.tokens = tokens;
  }
}

void ActivationWriter::append(size_t site, const float* values, int64_t tokens) {
  State::Site& target = state_->sites.at(site);
  const size_t before = target.waiting.size(), count = static_cast<size_t>(tokens * target.width);
  target.waiting.resize(before + count);
  for (size_t i = 0; i < count; ++i) target.waiting[before + i] = half_of(values[i]);
  target.tokens += tokens;
  if (static_cast<int64_t>(target.waiting.size()) >= tokens_between_flushes * target.width) state_->write(target);

  const bool complete = std::all_of(state_->sites.begin(), state_->sites.end(), [&](const State::Site& other) {
    return other.tokens == target.tokens && other.waiting.empty();
  });
  if (complete && target.tokens - state_->flushed >= tokens_between_flushes) {
    state_->file.flush();
    state_->flushed = target.tokens;
  }
}

void ActivationWriter::flush() {
  for (State::Site& site : state_->sites) state_->write(site);
  state_->file.flush();
}

}  // namespace stemma
