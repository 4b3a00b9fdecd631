#include "app/commands/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace stemma {

namespace {

std::atomic<Control*> watched = nullptr;
static_assert(std::atomic<Control*>::is_always_lock_free);

void interrupted(int signal) {
  if (Control* control = watched.load()) control->cancel();
  std::signal(signal, SIG_DFL);
}

}  // namespace

void take_signals() {
  std::thread([] {  // where the handler runs
    for (;;) pause();
  }).detach();
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &both, nullptr);
}

void cancel_on_signal(Control& control) {
  watched = &control;
  std::signal(SIGINT, interrupted);
  std::signal(SIGTERM, interrupted);
}

}  // namespace stemma
