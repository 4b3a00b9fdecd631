// What was wrong, where, and what to do about it: one sentence for a person.
#pragma once

#include <stdexcept>
#include <string>

namespace stemma {

enum class ErrorCode { usage, not_found, bad_file, unsupported, does_not_fit, disk, device, cancelled };

// Thrown below app; caught in two places: Worker (which carries it to whoever asked) and the command line's main.
class Error : public std::runtime_error {
 public:
  // `what` names the file, the thing in it and the remedy: "F.h5: no data set 'tokens'; is it a Stemma session?"
  Error(ErrorCode code, const std::string& what) : std::runtime_error(what), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace stemma
