// What the processes that a launcher started together say to each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stemma {

struct Letter {
  int32_t from = 0;  // set by the mailbox
  int32_t kind = 0;  // the sender's and the receiver's affair
  int64_t number = 0;
  std::vector<float> values;
  std::string text;
};

// One process's. Messages from one process to another arrive whole and in order. One thread.
class Mailbox {
 public:
  virtual ~Mailbox() = default;  // waits until what was posted has left
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int here() const = 0;  // processes on this machine, this one among them
  // Returns before the letter has arrived; waits only while very much of what was posted before has not left.
  virtual void post(int to, Letter letter) = 0;
  virtual bool take(Letter& letter) = 0;  // false: nothing has come
};

}  // namespace stemma
