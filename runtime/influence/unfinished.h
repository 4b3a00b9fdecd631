// Long work's state so far, in a file beside its result, so that a later run of the same work goes on from there.
//
// The file says which work it is (a key of everything that the result depends on), its stage and how much of it is
// done, and holds arrays of f32 sums, whole, so that what goes on has the same bits. It is replaced whole. Plain bytes
// with a hash at their end, and not HDF5, whose library does not survive every broken file: this one is read without
// being asked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/progress.h"

namespace stemma {

std::filesystem::path unfinished_path(const std::filesystem::path& result);  // "F.h5.unfinished"
void remove_unfinished(const std::filesystem::path& result);                 // once the result is saved

class UnfinishedWork {
 public:
  // Reads what was kept of the work of this key. Work of another key, and a broken file, are replaced in time; either
  // is told through control.note. An empty `file` keeps nothing. `pause`: seconds from one writing to the next, at
  // least; writing takes a fiftieth of the time at most, whatever the disk.
  UnfinishedWork(std::filesystem::path file, std::string key, const Control& control, double pause = 10);

  const std::string& key() const { return key_; }
  const std::string& stage() const { return stage_; }  // empty: nothing was kept
  int64_t done() const { return done_; }               // units of that stage
  double seconds() const;                              // spent on the work, earlier runs' too
  // An array that was kept. Throws Error unless it has that many numbers.
  std::vector<float> part(const std::string& name, size_t count) const;

  bool due() const;
  using Put = std::function<void(const std::string& name, const std::vector<float>& values)>;
  // Replaces the file; `parts` puts one array after the other. Never throws: what cannot be written is told, once.
  void keep(const std::string& stage, int64_t done, const std::function<void(const Put&)>& parts);

 private:
  struct Place {
    int64_t offset = 0, count = 0;  // bytes, numbers
  };
  void read();

  std::filesystem::path file_;
  std::string key_, stage_;
  std::map<std::string, Place> parts_;
  int64_t done_ = 0;
  double earlier_ = 0, pause_, cost_ = 0;  // seconds
  bool failed_ = false;
  const Control& control_;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace stemma
