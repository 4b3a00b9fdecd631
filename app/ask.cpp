#include "app/ask.h"

namespace stemma {

void on_ui_thread(std::function<void()> function) {
  if (auto* application = QCoreApplication::instance()) {
    QMetaObject::invokeMethod(application, std::move(function), Qt::QueuedConnection);
  }
}

}  // namespace stemma
