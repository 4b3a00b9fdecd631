// One thread, one queue. A newer request with the same tag replaces the one still waiting.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace stemma {

class Worker {
 public:
  using Job = std::function<void()>;

  Worker();
  ~Worker();  // waits for the job in hand, drops those waiting
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread. Jobs run in order on the worker's own thread. `failed` gets the sentence of what a job throws (on the
  // worker's thread). An empty tag is never replaced.
  void post(Job job, std::function<void(const std::string&)> failed = {}, std::string tag = {});

 private:
  struct Item {
    Job job;
    std::function<void(const std::string&)> failed;
    std::string tag;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace stemma
