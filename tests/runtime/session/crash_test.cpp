// kill -9 during a generation, at many moments: the session opens with every token that was logged and every finished
// step, the activations that were flushed can be read, and the earlier traces are untouched.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QtTest>
#include <random>

#include "runtime/error.h"
#include "runtime/session/capture.h"
#include "tests/runtime/session/samples.h"

namespace fs = std::filesystem;
using namespace stemma;

namespace {

const std::vector<std::string> sites = {"blocks.0.hook_resid_post", "blocks.1.hook_resid_post"};
constexpr int64_t width = 64;

std::string token_text(int32_t i) {
  if (i == 0) return "Go";
  if (i == 3) return "<think>";
  return i % 7 == 6 ? " and so it is." : " word" + std::to_string(i);
}

void append(Trace& trace, RunningLog& log, ActivationWriter& writer) {
  const int32_t i = trace.size();
  samples::add_token(trace, token_text(i));
  for (size_t s = 0; s < sites.size(); ++s) writer.append(s, samples::residual(i, s, width).data(), 1);
  log.append(trace, i);
}

// In the child: writes tokens for ever, and tells the parent through `pipe` how many it has logged.
[[noreturn]] void generate_for_ever(const fs::path& path, const std::string& id, int pipe) {
  Trace trace = samples::head(id);
  trace.created = "2026-03-04T05:06:07Z " + id;
  trace.prompt_tokens = 3;
  RunningLog log(path);
  ActivationsInHand file(path, {id}, samples::shapes(sites, width));
  ActivationWriter writer(file, id);
  for (;;) {
    append(trace, log, writer);
    const int32_t logged = trace.size();
    if (::write(pipe, &logged, sizeof logged) != sizeof logged) _exit(1);
  }
}

// Starts the child, kills it once `tokens` are logged and `delay` microseconds have passed; returns tokens it logged.
int32_t run_and_kill(const fs::path& path, const std::string& id, int32_t tokens, int delay) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    generate_for_ever(path, id, ends[1]);
  }
  ::close(ends[1]);
  int32_t logged = 0;
  while (logged < tokens && ::read(ends[0], &logged, sizeof logged) == sizeof logged) {
  }
  ::usleep(static_cast<useconds_t>(delay));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(ends[0], &logged, sizeof logged) == sizeof logged) {
  }
  ::close(ends[0]);
  return logged;
}

void check_activations(const fs::path& path, const std::string& id, int64_t at_least) {
  for (size_t s = 0; s < sites.size(); ++s) {
    const Recorded recorded = read_activations(path, id, sites[s]);
    QVERIFY2(recorded.tokens >= at_least, qPrintable(QString("%1 of %2").arg(recorded.tokens).arg(at_least)));
    for (int64_t t = 0; t < recorded.tokens; ++t) {
      const std::vector<float> expected = samples::residual(t, s, width);
      QVERIFY(std::equal(expected.begin(), expected.end(), recorded.values.begin() + t * width));
    }
  }
}

// The trace as it was when `tokens` had been written, which may be fewer than the prompt has.
Trace expected_trace(const std::string& id, int32_t tokens) {
  Trace trace = samples::head(id);
  trace.prompt_tokens = std::min(3, tokens);
  for (int32_t i = 0; i < tokens; ++i) samples::add_token(trace, token_text(i));
  trace.steps = split_steps(trace);
  label_steps(trace);
  return trace;
}

}  // namespace

class CrashTest : public QObject {
  Q_OBJECT
 private slots:
  void killed_at_many_moments() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    std::mt19937 random(static_cast<unsigned>(QDateTime::currentMSecsSinceEpoch()));
    std::vector<int32_t> recovered;
    for (int round = 0; round < 12; ++round) {
      Session session;
      if (round > 0) session = load_session(path);
      const std::string id = session.new_trace_id();
      const int32_t most = round % 3 ? 400 : 20;  // some while the prompt is written, and before the first flush
      const int32_t target = std::uniform_int_distribution<int32_t>(1, most)(random);
      const int32_t logged = run_and_kill(path, id, target, std::uniform_int_distribution<int>(0, 3000)(random));
      QVERIFY(logged >= target);

      QVERIFY(session_exists(path));
      std::string note;
      session = load_session(path, &note);
      QVERIFY2(note.find(id) != std::string::npos && note.find('\n') == std::string::npos, note.c_str());
      QCOMPARE(session.traces.size(), static_cast<size_t>(round + 1));
      const Trace* trace = session.find(id);
      QVERIFY(trace);
      QVERIFY2(trace->size() >= logged && trace->size() <= logged + 1,
               qPrintable(QString("%1, logged %2").arg(trace->size()).arg(logged)));
      const Trace expected = expected_trace(id, trace->size());
      QCOMPARE(trace->text, expected.text);
      QCOMPARE(trace->tokens, expected.tokens);
      QCOMPARE(trace->token_offsets, expected.token_offsets);
      QCOMPARE(trace->prompt_tokens, expected.prompt_tokens);
      QVERIFY(trace->steps == expected.steps);
      QCOMPARE(trace->top_ids, expected.top_ids);
      QCOMPARE(trace->top_texts, expected.top_texts);
      QCOMPARE(std::vector(trace->logprob.begin() + 1, trace->logprob.end()),
               std::vector(expected.logprob.begin() + 1, expected.logprob.end()));
      QCOMPARE(trace->stop_reason, std::string("interrupted"));
      QVERIFY(!trace->completed);
      QVERIFY(trace->sampler == expected.sampler);
      // The first are flushed with token 16: of a shorter trace there may be none.
      const auto recorded = session.activations.find(id);
      QVERIFY2(recorded != session.activations.end() || logged < 16, qPrintable(QString("%1 logged").arg(logged)));
      if (recorded != session.activations.end()) QCOMPARE(recorded->second, sites);
      check_activations(path, id, std::max(0, logged - 32));

      // Loaded once more the same is there; saved, the log is gone and nothing is recovered twice.
      QCOMPARE(load_session(path).traces.size(), static_cast<size_t>(round + 1));
      save_session(session, path);
      QVERIFY(!fs::exists(running_path(path)));
      session = load_session(path, &note);
      QCOMPARE(note, std::string());
      QCOMPARE(session.traces.size(), static_cast<size_t>(round + 1));
      recovered.push_back(session.find(id)->size());
      for (int before = 0; before <= round; ++before)
        check_activations(path, session.traces[before].id, recovered[before] - 33);
    }
  }

  // Killed while the structure of a new trace is made in the large file, again and again: the earlier trace stays.
  void killed_while_starting() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    {
      ActivationsInHand file(path, {"t001"}, samples::shapes(sites, width));
      ActivationWriter writer(file, "t001");
      for (int64_t t = 0; t < 100; ++t) {
        for (size_t s = 0; s < sites.size(); ++s) writer.append(s, samples::residual(t, s, width).data(), 1);
      }
      writer.flush();
    }
    Session session;
    session.traces.push_back(samples::trace("t001"));
    session.activations["t001"] = sites;
    save_session(session, path);
    std::mt19937 random(static_cast<unsigned>(QDateTime::currentMSecsSinceEpoch()));
    for (int round = 0; round < 40; ++round) {
      const pid_t child = ::fork();
      if (child == 0) {
        for (int i = 2;; ++i) ActivationsInHand(path, {"t" + std::to_string(i)}, samples::shapes(sites, width)).close();
      }
      ::usleep(std::uniform_int_distribution<useconds_t>(0, 20000)(random));
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      ActivationsInHand(path, {"again"}, samples::shapes(sites, width)).close();  // repairs what it finds
      check_activations(path, "t001", 100);
    }
  }

  // A crash before the first save: no session yet, only a log.
  void first_generation_killed() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "new.h5");
    const int32_t logged = run_and_kill(path, "t001", 30, 0);
    QVERIFY(!fs::exists(path));
    QVERIFY(session_exists(path));
    std::string note;
    Session session = load_session(path, &note);
    QCOMPARE(session.traces.size(), size_t{1});
    QVERIFY(session.traces[0].size() >= logged);
    check_activations(path, "t001", logged - 32);
    save_session(session, path);
    QVERIFY(fs::exists(path) && !fs::exists(running_path(path)));
    check_activations(path, "t001", logged - 32);
  }

  // Two crashes before anyone opened the session: both generations come back.
  void two_crashes_in_a_row() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    const int32_t first = run_and_kill(path, "t001", 20, 0);
    std::ofstream(running_path(path), std::ios::app) << "{\"token\":1,\"te";  // a line cut in the middle
    const int32_t second = run_and_kill(path, "t002", 25, 0);
    Session session = load_session(path);
    QCOMPARE(session.traces.size(), size_t{2});
    QVERIFY(session.traces[0].size() >= first && session.traces[1].size() >= second);
  }

  // Killed while several were written together, one of them saved: the others come back, each with its own tokens.
  void several_killed() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    const std::vector<std::string> ids = {"t001", "t002", "t003", "t004"};
    const pid_t child = ::fork();
    if (child == 0) {
      RunningLog log(path);
      ActivationsInHand file(path, ids, samples::shapes(sites, width));
      std::map<std::string, Trace> traces;
      std::map<std::string, ActivationWriter> writers;
      for (const std::string id : {"t001", "t002", "t003"}) {  // the fourth had not begun
        traces[id] = samples::head(id);
        traces[id].prompt_tokens = 3;
        writers.emplace(std::piecewise_construct, std::tuple(id), std::tuple(std::ref(file), id));
      }
      for (int round = 0; round < 40; ++round)
        for (auto& [id, trace] : traces)
          if (id != "t002" || round < 20) append(trace, log, writers.at(id));
      writers.at("t002").flush();
      Session session;
      session.traces.push_back(expected_trace("t002", 20));
      session.activations["t002"] = sites;
      save_session(session, path);
      ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    std::string note;
    Session session = load_session(path, &note);
    QVERIFY2(note.find("t001") != std::string::npos && note.find("t003") != std::string::npos &&
                 note.find("t002") == std::string::npos,
             note.c_str());
    QCOMPARE(session.traces.size(), size_t{3});
    for (const std::string id : {"t001", "t003"}) {
      const Trace expected = expected_trace(id, 40);
      QCOMPARE(session.find(id)->tokens, expected.tokens);
      QCOMPARE(session.find(id)->text, expected.text);
      QCOMPARE(session.activations.at(id), sites);
      check_activations(path, id, 32);
    }
    QCOMPARE(session.find("t002")->size(), 20);
    check_activations(path, "t002", 20);
    save_session(session, path);
    QVERIFY(!fs::exists(running_path(path)));
    QCOMPARE(load_session(path).traces.size(), size_t{3});
  }

  // Killed at any moment while traces end, are saved and leave the log: each is found once, whole; the one that is
  // being written meanwhile with all that was logged of it.
  void killed_while_saved_traces_leave_the_log() {
    std::mt19937 random(static_cast<unsigned>(QDateTime::currentMSecsSinceEpoch()));
    for (int turn = 0; turn < 12; ++turn) {
      QTemporaryDir folder;
      const fs::path path = samples::in(folder, "s.h5");
      int ends[2];
      QVERIFY(::pipe(ends) == 0);
      const pid_t child = ::fork();
      if (child == 0) {
        RunningLog log(path);
        Session session;
        Trace slow = samples::head("t001");
        slow.prompt_tokens = 3;
        for (int32_t round = 1;; ++round) {
          samples::add_token(slow, token_text(round - 1));
          log.append(slow, round - 1);
          Trace quick = expected_trace("t" + std::to_string(1000 + round), 5);
          quick.created += " " + quick.id;
          log.append(quick, 0);
          quick.stop_reason = "end of text";
          quick.completed = true;
          log.end(quick);
          session.traces.push_back(quick);
          if (::write(ends[1], &round, sizeof round) != sizeof round) _exit(1);
          if (round % 3 == 0) {
            save_session(session, path);
            log.saved();
          }
        }
      }
      ::close(ends[1]);
      const int32_t target = std::uniform_int_distribution<int32_t>(1, 30)(random);
      int32_t rounds = 0;
      while (rounds < target && ::read(ends[0], &rounds, sizeof rounds) == sizeof rounds) {
      }
      ::usleep(std::uniform_int_distribution<useconds_t>(0, 4000)(random));
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      while (::read(ends[0], &rounds, sizeof rounds) == sizeof rounds) {
      }
      ::close(ends[0]);
      // Of the log there is only what the latest save did not have: the slow trace and some ten short ones.
      QVERIFY(rounds < 20 || fs::file_size(running_path(path)) < 60000);
      Session session = load_session(path);
      for (int32_t round = 1; round <= rounds; ++round) {
        const Trace* trace = session.find("t" + std::to_string(1000 + round));
        QVERIFY2(trace && trace->completed && trace->stop_reason == "end of text" && trace->size() == 5,
                 qPrintable(QString::number(round)));
      }
      QVERIFY(session.traces.size() <= static_cast<size_t>(rounds) + 2);
      QVERIFY(session.find("t001") && session.find("t001")->size() >= rounds && !session.find("t001")->completed);
      save_session(session, path);
      QVERIFY(!fs::exists(running_path(path)));
      QCOMPARE(load_session(path).traces.size(), session.traces.size());
    }
  }

  // Killed between the save and finish(): the trace is not recovered a second time.
  void saved_but_not_finished() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    Session session;
    session.traces.push_back(samples::trace("t001"));
    {
      RunningLog log(path);
      log.append(session.traces[0], 0);
      save_session(session, path);
    }
    QVERIFY(fs::exists(running_path(path)));
    std::string note;
    session = load_session(path, &note);
    QCOMPARE(session.traces.size(), size_t{1});
    QCOMPARE(note, std::string());
    save_session(session, path);
    QVERIFY(!fs::exists(running_path(path)));
  }

  void finished_log_is_gone() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    const Trace trace = samples::trace("t001");
    RunningLog log(path);
    log.append(trace, 0);
    log.sync();
    QVERIFY(fs::file_size(running_path(path)) > 0);
    log.finish();
    QVERIFY(!fs::exists(running_path(path)));
  }

  // While another program generates: reading works and recovers nothing, writing says one sentence.
  void another_program_generates() {
    QTemporaryDir folder;
    const fs::path path = samples::in(folder, "s.h5");
    Session session = samples::session();
    save_session(session, path);
    int ends[2];
    QVERIFY(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) generate_for_ever(path, "t003", ends[1]);
    int32_t logged = 0;
    while (logged < 50 && ::read(ends[0], &logged, sizeof logged) == sizeof logged) {
    }
    std::string note;
    const size_t traces = load_session(path, &note).traces.size();
    std::vector<std::string> sentences;
    const auto refused = [&](auto work) {
      try {
        work();
        sentences.emplace_back("nothing was refused");
      } catch (const Error& error) {
        sentences.emplace_back(error.what());
      }
    };
    refused([&] { save_session(session, path); });
    refused([&] { RunningLog log(path); });
    refused([&] { ActivationsInHand file(path, {"t004"}, samples::shapes(sites, width)); });
    const int64_t live = read_activations(path, "t003", sites[0]).tokens;
    ::close(ends[0]);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    QCOMPARE(traces, size_t{2});
    QCOMPARE(note, std::string());
    QVERIFY(live >= 16);
    for (const std::string& sentence : sentences) {
      QVERIFY2(sentence.find("s.h5: another program is generating into it") != std::string::npos, sentence.c_str());
    }
    QCOMPARE(load_session(path).traces.size(), size_t{3});
    save_session(session, path);  // it is free again; what it does not know stays in the log
    QVERIFY(fs::exists(running_path(path)));
  }
};

QTEST_GUILESS_MAIN(CrashTest)
#include "crash_test.moc"
