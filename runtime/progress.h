// News from long work, and the way to stop it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "runtime/error.h"

namespace stemma {

// `done` of `total` units (documents, steps, tokens); `stage` says what is being done, as a person would.
struct Progress {
  std::string stage;
  double done = 0, total = 0;
  double seconds_left = -1;  // -1: not known yet
};

// Shared by the one who asked and the one who works. Any thread.
class Control {
 public:
  std::function<void(const Progress&)> report;     // called on the working thread; may be empty
  std::function<void(const std::string&)> note;  // a sentence that changes nothing of the result; as report

  void cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }
  void check() const {
    if (cancelled_) throw Error(ErrorCode::cancelled, "cancelled");
  }
  void say(const Progress& progress) const {
    check();
    if (report) report(progress);
  }
  void tell(const std::string& sentence) const {
    if (note) note(sentence);
  }

 private:
  std::atomic<bool> cancelled_ = false;
};

}  // namespace stemma
