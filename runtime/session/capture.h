// The writers that run beside a generation: activations, and the log from which a crash is recovered.
//
// Both belong to the thread that generates (no other HDF5 call of the program may run meanwhile on the same file).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/trace/trace.h"

namespace stemma {

struct SiteShape {
  std::string name;   // "blocks.3.hook_resid_post"
  int64_t width = 0;  // numbers for each token
};

// S.activations.h5 while traces are appended to it: /<trace>/<site> (T,C) f16. The structure of all of them is made
// first, in a copy that takes the file's place (past 64 MiB: in the file itself); then the data sets only grow, in SWMR
// mode with H5Fflush: what was flushed survives a kill.
class ActivationsInHand {
 public:
  // Throws Error: another program generates into the session, the file is damaged, the disk is full. What a crash left
  // of an earlier run is made whole first.
  ActivationsInHand(const std::filesystem::path& session, const std::vector<std::string>& trace_ids,
                    std::vector<SiteShape> sites);
  ~ActivationsInHand();
  void close();  // behind its writers; throws Error where the disk is full

 private:
  friend class ActivationWriter;
  struct State;
  std::unique_ptr<State> state_;
};

// Appends the activations of one trace.
class ActivationWriter {
 public:
  // `file` outlives it, and has the trace.
  ActivationWriter(ActivationsInHand& file, const std::string& trace_id);
  ~ActivationWriter();
  // The first `tokens` tokens have the activations that another trace of the file was given and has flushed.
  void begin_as(const std::string& trace_id, int64_t tokens);
  // `values` (tokens, the site's width) for site index `site`; every site gets the same tokens in the same order.
  // Written and flushed every few tokens.
  void append(size_t site, const float* values, int64_t tokens);
  void flush();  // throws Error where the disk is full

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Appends each trace's head and then its tokens to S.h5.running, one JSON object a line, given to the kernel each call,
// so that it outlives a kill; sync() at each finished step lets it outlive a power cut. What was saved is dropped from
// it, and finish() removes it. Holds the session for this program while it lives.
class RunningLog {
 public:
  // Throws Error: another program generates into the session, the folder cannot be written.
  explicit RunningLog(const std::filesystem::path& session);
  ~RunningLog();
  // Tokens [from, size) of `trace`, one of any that are in hand, with their texts and numbers. Throws Error where the disk is full.
  void append(const Trace& trace, int32_t from);
  void end(const Trace& trace);  // it is whole: how it ended outlives a kill too, and a power cut
  void sync();
  void saved();   // the traces that ended are in the session now: their lines go. Throws Error where the disk is full
  void finish();  // the traces are in the session: removes the log

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stemma
