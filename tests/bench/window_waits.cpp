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
#include "app/panels/trace/trace_view.h"
#include "app/theme.h"
#include "app/token_attention.h"
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

// Does `work` `times` times, each until `finish` returns, and prints what that took: what the median and the longest
// are called is in `median` and `longest`. What `rest` takes before the next is not in it.
struct Longest {
  double time = 0, event = 0;
};
template <class Work, class Finish, class Rest>
Longest timed(TimedApplication& application, const char* what, const char* median, const char* longest, int times,
              Work work, Finish finish, Rest rest) {
  application.longest = 0;
  application.who = "-";
  std::vector<double> took;
  for (int i = 0; i < times; ++i) {
    QElapsedTimer clock;
    clock.start();
    work();
    finish(clock);
    took.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
    rest();
  }
  std::sort(took.begin(), took.end());
  std::printf("%-34s %5d times: %s %6.1f ms, %s %6.1f ms; longest event %6.1f ms (%s)\n", what, times, median,
              took[took.size() / 2], longest, took.back(), application.longest, application.who.c_str());
  std::fflush(stdout);
  return {took.back(), application.longest};
}

// Each until the window is drawn again: all of it is a wait.
template <class Work>
void measure(TimedApplication& application, const char* what, int times, Work work) {
  const auto draw = [&](const QElapsedTimer&) {
    for (int round = 0; round < 3; ++round) application.processEvents();
  };
  worst = std::max(worst, timed(application, what, "median", "longest", times, work, draw, [] {}).time);
}

// The time is another thread's, and the window goes on until `there`: only what single events took are waits.
template <class Work, class There>
void measure_beside(TimedApplication& application, const char* what, int times, Work work, There there) {
  const auto wait = [&](const QElapsedTimer& clock) {
    while (!there() && clock.elapsed() < 600000) application.processEvents(QEventLoop::WaitForMoreEvents, 5);
  };
  const auto draw = [&] { settle(application, 50); };  // what it changes
  worst = std::max(worst, timed(application, what, "there after", "at most", times, work, wait, draw).event);
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
  measure_beside(
      application, "opening", 1, [&] { document.open(argv[1]); }, [&] { return document.has_session(); });
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
  measure_beside(
      application, "  and until its map is there", 1, [] {}, [&] { return document.activations() != nullptr; });
  document.set_layer_and_token(1, 5);
  all_keys(", drawer open");
  if (document.session()->attention.contains(document.trace()->id)) {
    measure_beside(
        application, "attention between steps", 1, [&] { window.drawer()->show_view(stemma::Drawer::attention); },
        [&] { return document.attention() != nullptr; });
    int head = -1;
    measure_beside(
        application, "another head", document.attention()->heads,
        [&] {
          window.action("next_head")->trigger();
          ++head;
        },
        [&] { return document.attention() && document.attention()->head == head; });
    document.set_head(-1);
    all_keys(", attention open");
  }
  // What a token looks at: its layer's queries and keys are made once, then each token is a row.
  const auto* tokens = window.token_attention();
  const auto there = [&] {
    const auto row = tokens->row();
    return row && row->token == document.cursor().token && row->layer == document.cursor().layer;
  };
  const auto rows = [&](const std::string& how) {
    document.set_layer_and_token(1, 1000);
    measure_beside(
        application, ("first token's attention" + how).c_str(), 1, [&] { window.set_shade(stemma::Shade::attention); },
        there);
    if (!there()) return std::printf("  %s\n", qPrintable(tokens->words())), void();
    for (const int place : {1000, 10000}) {
      int token = std::min(place, document.trace()->size() - 40);
      document.set_token(token);
      settle(application, 300);
      measure_beside(
          application, ("a row, token " + std::to_string(token) + " on" + how).c_str(), 30,
          [&] { document.set_token(++token); }, there);
    }
    int layer = 1;
    measure_beside(
        application, ("another layer" + how).c_str(), 8, [&] { document.set_layer(++layer); }, there);
    all_keys(", attention of tokens" + how);
    window.set_shade(stemma::Shade::nothing);
  };
  rows("");
  auto bare = std::make_shared<stemma::Session>(*document.session());
  bare->activations.clear();
  document.adopt(bare, document.trace()->id);
  rows(", not recorded");
  measure(application, "marks of spaces and line ends", 2, action("marks"));
  measure(application, "folding a step", 4, action("fold"));
  std::printf("longest that a key or the window waited: %.1f ms\n", worst);
  return 0;
}
