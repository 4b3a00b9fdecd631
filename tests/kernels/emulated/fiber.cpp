#include "tests/kernels/emulated/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace emulated {
namespace {

// Where the stack lies that a switch comes from; only AddressSanitizer wants to know.
struct Stack {
  const void* bottom = nullptr;
  size_t bytes = 0;
} thread_stack;

void arrived([[maybe_unused]] bool from_thread) {
#if defined(__SANITIZE_ADDRESS__)
  Stack from;
  __sanitizer_finish_switch_fiber(nullptr, &from.bottom, &from.bytes);
  if (from_thread) thread_stack = from;
#endif
}

[[noreturn, gnu::noinline]] void jump(void** place) { __builtin_longjmp(place, 1); }

}  // namespace

Fiber::Fiber(Body body, void* argument) : body_(body), argument_(argument) {
  void* memory = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory);
#if defined(__SANITIZE_THREAD__)
  race_ = __tsan_create_fiber(0);
#endif
}

void Fiber::adopt_thread() {
#if defined(__SANITIZE_THREAD__)
  race_ = __tsan_get_current_fiber();
#endif
}

void Fiber::start(unsigned high, unsigned low) {
  auto* fiber = reinterpret_cast<Fiber*>(static_cast<uintptr_t>(high) << 32 | low);
  arrived(true);
  fiber->body_(fiber->argument_);
}

[[gnu::noinline]] void Fiber::switch_to(Fiber& other) {
#if defined(__SANITIZE_ADDRESS__)
  void* shadow = nullptr;  // a fiber is never given up, so its fake stack is not either
  if (other.stack_)
    __sanitizer_start_switch_fiber(&shadow, other.stack_, stack_bytes);
  else
    __sanitizer_start_switch_fiber(&shadow, thread_stack.bottom, thread_stack.bytes);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(other.race_, __tsan_switch_to_fiber_no_sync);
#endif
  if (__builtin_setjmp(place_) == 0) {
    if (!other.stack_ || other.started_) jump(other.place_);
    other.started_ = true;
    getcontext(&other.context_);
    other.context_.uc_stack = {other.stack_, 0, stack_bytes};
    other.context_.uc_link = nullptr;
    const auto address = reinterpret_cast<uintptr_t>(&other);
    makecontext(&other.context_, reinterpret_cast<void (*)()>(&Fiber::start), 2,
                static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
    setcontext(&other.context_);
  }
  arrived(stack_ != nullptr);
}

}  // namespace emulated
