#include "runtime/worker.h"

#include <algorithm>
#include <exception>

namespace stemma {

Worker::Worker() : thread_([this] { run(); }) {}

Worker::~Worker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::post(Job job, std::function<void(const std::string&)> failed, std::string tag) {
  {
    std::lock_guard lock(mutex_);
    if (!tag.empty()) std::erase_if(queue_, [&](const Item& item) { return item.tag == tag; });
    queue_.push_back({std::move(job), std::move(failed), std::move(tag)});
  }
  wake_.notify_one();
}

void Worker::run() {
  for (;;) {
    Item item;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      item.job();
    } catch (const std::exception& error) {
      if (item.failed) item.failed(error.what());
    }
  }
}

}  // namespace stemma
