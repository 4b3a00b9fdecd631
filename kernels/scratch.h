// Memory that a thread of a kernel keeps from call to call.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace stemma::cpu {

// Only grows; begins at a cache's line; not cleared.
class Scratch {
 public:
  template <class Number = float>
  Number* make(int64_t count) {
    const auto bytes = (static_cast<size_t>(count) * sizeof(Number) + line) / line * line;
    if (bytes > bytes_) {
      memory_.reset();
      memory_.reset(std::aligned_alloc(line, bytes));
      if (!memory_) throw std::bad_alloc();
      bytes_ = bytes;
    }
    return static_cast<Number*>(memory_.get());
  }

 private:
  static constexpr size_t line = 64;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  size_t bytes_ = 0;
};

}  // namespace stemma::cpu
