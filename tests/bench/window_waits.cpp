// How long the window makes one wait in a long trace: opens a session as a person would, steps through it by keys with
// every panel open, and prints the longest and the median time that one event kept the window's thread.
//
//   bench_window_waits S.h5 [DARK]      under a display, or QT_QPA_PLATFORM=offscreen
#include <QApplication>
#include <QElapsedTimer>
#include <QKeyEvent>
#include <QScrollBar>
#include <QTimer>
#include <QWheelEvent>
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "app/panels/drawer.h"
#include "app/panels/trace_view.h"
#include "app/theme.h"
#include "app/workbench.h"

namespace {

// Every event that the event loop hands out, the outermost alone: its time is what the next key would wait.
class TimedApplication : public QApplication {
 public:
  using QApplication::QApplication;
  std::vector<double> milliseconds;
  double longest = 0;
  std::string who;

  bool notify(QObject* receiver, QEvent* event) override {
    if (depth_++ > 0) {
      const bool done = QApplication::notify(receiver, event);
      --depth_;
      return done;
    }
    QElapsedTimer clock;
    clock.start();
    const std::string name =
        std::string(receiver->metaObject()->className()) + " event " + std::to_string(event->type());
    const bool done = QApplication::notify(receiver, event);
    const double took = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    milliseconds.push_back(took);
    if (took > longest) longest = took, who = name;
    --depth_;
    return done;
  }

 private:
  int depth_ = 0;
};

double worst = 0;

void settle(TimedApplication& application, int milliseconds) {
  QElapsedTimer clock;
  clock.start();
  while (clock.elapsed() < milliseconds) application.processEvents(QEventLoop::WaitForMoreEvents, 5);
}

// Does `work` `times` times, each until the window is drawn again. `aside`: most of its time is another thread's, and
// the window goes on meanwhile, so that only what single events took counts.
template <class Work>
void measure(TimedApplication& application, const char* what, int times, Work work, bool aside = false) {
  application.longest = 0;
  application.who = "-";
  std::vector<double> waits;
  for (int i = 0; i < times; ++i) {
    QElapsedTimer clock;
    clock.start();
    work();
    for (int round = 0; round < 3; ++round) application.processEvents();
    waits.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
  }
  std::sort(waits.begin(), waits.end());
  worst = std::max(worst, aside ? application.longest : waits.back());
  std::printf("%-34s %5d times: median %6.1f ms, longest %6.1f ms; longest event %6.1f ms (%s)\n", what, times,
              waits[waits.size() / 2], waits.back(), application.longest, application.who.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  TimedApplication application(argc, argv);
  if (argc < 2) {
    std::fprintf(stderr, "bench_window_waits S.h5\n");
    return 2;
  }
  QApplication::setApplicationName("stemma");
  stemma::ThemeKeeper::instance().apply();
  if (argc > 2) stemma::ThemeKeeper::instance().apply_once(stemma::ThemeChoice::dark);
  stemma::Workbench window(false);
  window.lay_out({1280, 800});
  window.show();
  settle(application, 300);
  stemma::OpenSession& document = window.document();
  QElapsedTimer clock;
  clock.start();
  measure(
      application, "opening: the window meanwhile", 1,
      [&] {
        bool open = false;
        QObject::connect(&document, &stemma::OpenSession::session_changed, &window, [&] { open = true; });
        document.open(argv[1]);
        while (!open && clock.elapsed() < 60000) application.processEvents(QEventLoop::WaitForMoreEvents, 5);
      },
      true);
  if (!document.trace()) return 1;
  const int steps = static_cast<int>(document.trace()->steps.size());
  std::printf("  %d tokens in %d steps\n", document.trace()->size(), steps);
  settle(application, 300);
  stemma::TraceView* text = window.trace_view();
  text->setFocus();
  const auto action = [&](const char* name) { return [&window, name] { window.action(name)->trigger(); }; };
  const auto all_keys = [&](const std::string& where) {
    document.set_step(0);
    application.processEvents();
    measure(application, ("J" + where).c_str(), steps - 1, action("next_step"));
    measure(application, ("K" + where).c_str(), steps - 1, action("previous_step"));
    measure(application, ("L" + where).c_str(), 600, action("next_token"));
    document.set_token(document.trace()->size() - 1);
    measure(application, ("H from the end" + where).c_str(), 600, action("previous_token"));
    measure(application, ("page by page" + where).c_str(), 60, [&] {
      text->verticalScrollBar()->setValue(text->verticalScrollBar()->value() - text->viewport()->height());
    });
  };
  all_keys("");
  for (const auto shade : {stemma::Shade::logprob, stemma::Shade::entropy})
    measure(application, "another shading", 1, [&] { window.set_shade(shade); });
  all_keys(", shaded");
  measure(application, "resizing the window", 20, [&, wide = true]() mutable {
    window.resize(wide ? QSize(1500, 900) : QSize(1280, 800));
    wide = !wide;
  });
  measure(application, "opening the drawer", 1, [&] { window.set_drawer_open(true); });
  measure(
      application, "  and until its map is there", 40, [&] { settle(application, 50); }, true);
  document.set_layer_and_token(1, 5);
  all_keys(", drawer open");
  window.drawer()->show_view(stemma::Drawer::attention);
  measure(
      application, "attention, until it is there", 20, [&] { settle(application, 50); }, true);
  if (document.attention()) {
    measure(
        application, "another head, until it is there", document.attention()->heads,
        [&] {
          window.action("next_head")->trigger();
          settle(application, 50);
        },
        true);
    all_keys(", attention open");
  }
  measure(application, "marks of spaces and line ends", 2, action("marks"));
  measure(application, "folding a step", 4, action("fold"));
  std::printf("longest that a key or the window waited: %.1f ms\n", worst);
  return 0;
}
