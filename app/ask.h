// Ask a Worker to do something, and get the answer on the UI thread.
#pragma once

#include <QCoreApplication>
#include <QMetaObject>
#include <QObject>
#include <QPointer>
#include <QString>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/worker.h"

namespace stemma {

// Runs `function` on the UI thread, soon. Any thread.
void on_ui_thread(std::function<void()> function);

// One question at a time: a newer one makes the answer of an older one unwanted. Lives in the object that asks; an
// answer that comes after its death is dropped. UI thread.
class Ask : public QObject {
 public:
  explicit Ask(QObject* asker) : QObject(asker) {}

  // `work` runs on `worker`; `done` gets its result, `failed` the sentence of what it throws, both on the UI thread.
  template <class Work, class Done>
  void operator()(Worker& worker, Work work, Done done, std::function<void(const QString&)> failed = {}) {
    using Result = std::invoke_result_t<Work>;
    const uint64_t number = ++newest_;
    QPointer<Ask> self(this);
    auto job = [self, number, work = std::move(work), done]() mutable {
      if constexpr (std::is_void_v<Result>) {
        work();
        on_ui_thread([self, number, done] {
          if (self && self->newest_ == number) done();
        });
      } else {
        auto result = std::make_shared<Result>(work());
        on_ui_thread([self, number, done, result] {
          if (self && self->newest_ == number) done(std::move(*result));
        });
      }
    };
    worker.post(std::move(job), [self, number, failed](const std::string& sentence) {
      const QString text = QString::fromStdString(sentence);
      on_ui_thread([self, number, failed, text] {
        if (self && self->newest_ == number && failed) failed(text);
      });
    });
  }

  // Answers still under way are not wanted any more.
  void forget() { ++newest_; }

 private:
  uint64_t newest_ = 0;
};

}  // namespace stemma
