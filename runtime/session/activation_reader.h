// The recording of one trace at one site, read by rows, so that no more is held than is looked at.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/session/hdf5_file.h"

namespace stemma {

// Its file stays open while this lives. Belongs to the thread that reads sessions.
class ActivationReader {
 public:
  // Throws Error if the trace has no such recording.
  ActivationReader(const std::filesystem::path& session, const std::string& trace_id, const std::string& site);
  int64_t tokens() const { return tokens_; }  // after a crash: those that all sites of the trace hold
  int64_t width() const { return width_; }
  void read(int64_t begin, int64_t end, float* values) const;  // (end - begin, width)

 private:
  Hdf5File file_;
  Hdf5Node rows_;
  int64_t tokens_ = 0, width_ = 0;
};

}  // namespace stemma
