// A stack of its own to run on: switched to and from without the system's help. Known to the sanitizers.
#pragma once

#include <ucontext.h>

#include <cstddef>

namespace emulated {

class Fiber {
 public:
  using Body = void (*)(void*);
  Fiber() = default;  // the thread that is running
  Fiber(Body body, void* argument);  // body does not return
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void switch_to(Fiber& other);  // comes back when another fiber switches to this one
  void adopt_thread();           // this is the running thread's own stack from now on

 private:
  static constexpr size_t stack_bytes = 256 << 10;
  static void start(unsigned high, unsigned low);

  void* place_[5];  // of __builtin_setjmp
  char* stack_ = nullptr;
  Body body_ = nullptr;
  void* argument_ = nullptr;
  bool started_ = false;
  ucontext_t context_;
  void* race_ = nullptr;  // ThreadSanitizer's
};

}  // namespace emulated
