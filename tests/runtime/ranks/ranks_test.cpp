// Work spread over ranks, here threads with mailboxes in memory: the order, the bits, and how they end together.
#include "runtime/ranks/ranks.h"

#include <QtTest>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "runtime/influence/attribute.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

struct Post {
  std::mutex mutex;
  std::vector<std::deque<Letter>> boxes;
};

class MemoryMailbox final : public Mailbox {
 public:
  MemoryMailbox(std::shared_ptr<Post> post, int rank) : post_(std::move(post)), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(post_->boxes.size()); }
  int here() const override { return size(); }
  void post(int to, Letter letter) override {
    const std::lock_guard lock(post_->mutex);
    letter.from = rank_;
    post_->boxes[static_cast<size_t>(to)].push_back(std::move(letter));
  }
  bool take(Letter& letter) override {
    const std::lock_guard lock(post_->mutex);
    auto& box = post_->boxes[static_cast<size_t>(rank_)];
    if (box.empty()) return false;
    letter = std::move(box.front());
    box.pop_front();
    return true;
  }

 private:
  std::shared_ptr<Post> post_;
  int rank_;
};

// Runs `work(ranks, number)` on threads; what rank 0 threw, or "".
std::string on_ranks(int count, const std::function<void(Ranks&, int)>& work) {
  auto post = std::make_shared<Post>();
  post->boxes.resize(static_cast<size_t>(count));
  std::string thrown;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      Ranks ranks(std::make_unique<MemoryMailbox>(post, rank));
      try {
        ranks.together([&] {
          work(ranks, rank);
          return 0;
        });
      } catch (const std::exception& error) {
        thrown = rank == 0 ? error.what() : "another rank than the first throws";
      }
    });
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

}  // namespace

class RanksTest : public QObject {
  Q_OBJECT

 private slots:
  void a_slow_rank_holds_nobody() {
    std::vector<int64_t> order;
    std::vector<std::atomic<int>> made(3);
    const std::string thrown = on_ranks(3, [&](Ranks& ranks, int rank) {
      for (int pass = 0; pass < 2; ++pass)
        ranks.spread({.key = "k",
                      .last = 60,
                      .work =
                          [&](int64_t shard, const auto& listen) {
                            std::this_thread::sleep_for(std::chrono::milliseconds(rank == 2 ? 40 : 1));
                            listen();
                            ++made[static_cast<size_t>(rank)];
                            return std::vector<float>{static_cast<float>(shard)};
                          },
                      .take =
                          [&](int64_t shard, const std::vector<float>& values) {
                            QCOMPARE(values, std::vector<float>{static_cast<float>(shard)});
                            order.push_back(shard);
                          }},
                     Control());
    });
    QCOMPARE(thrown, std::string());
    QCOMPARE(order.size(), size_t{120});
    for (size_t i = 0; i < order.size(); ++i) QCOMPARE(order[i], static_cast<int64_t>(i % 60));
    QVERIFY2(made[1] > 4 * made[2] && made[2] > 0, "the slow one had few, and some");
  }

  void nobody_has_one_of_the_last_in_store() {
    std::array<std::atomic<int>, 2> made{};
    const std::string thrown = on_ranks(2, [&](Ranks& ranks, int rank) {
      ranks.spread({.key = "k",
                    .last = 3,
                    .work =
                        [&](int64_t, const auto& listen) {
                          for (int i = 0; i < 20; ++i) {
                            std::this_thread::sleep_for(std::chrono::milliseconds(rank == 0 ? 3 : 30));
                            listen();
                          }
                          ++made[static_cast<size_t>(rank)];
                          return std::vector<float>();
                        },
                    .take = [](int64_t, const auto&) {}},
                   Control());
    });
    QCOMPARE(thrown, std::string());
    QVERIFY(made[1] < 2);
    QCOMPARE(made[0] + made[1], 3);
  }

  void an_error_anywhere_ends_all_data() {
    QTest::addColumn<int>("where");
    QTest::addColumn<QString>("said");
    QTest::newRow("first") << 0 << "no disk";
    QTest::newRow("other") << 2 << "rank 2 of 3: no disk";
  }
  void an_error_anywhere_ends_all() {
    QFETCH(int, where);
    QFETCH(QString, said);
    const std::string thrown = on_ranks(3, [&](Ranks& ranks, int rank) {
      ranks.spread({.key = "k",
                    .last = 1 << 20,
                    .work = [&](int64_t, const auto& listen) -> std::vector<float> {
                      listen();
                      if (rank == where) throw Error(ErrorCode::disk, "no disk");
                      return {};
                    },
                    .take = [](int64_t, const auto&) {}},
                   Control());
    });
    QCOMPARE(QString::fromStdString(thrown), said);
  }

  void other_work_is_refused() {
    const std::string thrown = on_ranks(2, [&](Ranks& ranks, int rank) {
      ranks.spread({.key = rank == 0 ? "this" : "that",
                    .last = 1 << 20,
                    .work =
                        [](int64_t, const auto& listen) {
                          listen();
                          return std::vector<float>();
                        },
                    .take = [](int64_t, const auto&) {}},
                   Control());
    });
    QVERIFY2(thrown.starts_with("rank 1 was given other work"), thrown.c_str());
  }

  void fit_and_scores_have_the_bits_of_one() {
    const Corpus corpus = corpus_of({"ab cdefg.", "p", "mnop ab cd", "", "a a a a a a a a", "hgfe.", "ab cdegf.",
                                     "kk lj", "dcba onmlk ponm", "fed."});
    const auto work = [&](Ranks* ranks, Factors& factors, std::vector<InfluenceTable>& tables) {
      const auto model = random_model(tiny_config(2, true), 31);
      const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});
      Control control;
      control.report = [](const Progress&) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); };  // of rank 0
      factors = fit_factors(*model, corpus, {.batch_tokens = 16, .ranks = ranks}, control);
      tables = attribute(*model, &factors, corpus, {&trace}, {.top = 3, .batch_tokens = 16, .ranks = ranks}, control);
      const AttributeOptions two_stages{
          .top = 3, .batch_tokens = 32, .rank = 2, .precision = Precision::bf16, .rescore = 3, .ranks = ranks};
      for (InfluenceTable& table : attribute(*model, &factors, corpus, {&trace}, two_stages, control))
        tables.push_back(std::move(table));
    };
    Factors alone;
    std::vector<InfluenceTable> alone_tables;
    work(nullptr, alone, alone_tables);
    for (const int count : {2, 3}) {
      std::vector<Factors> factors(static_cast<size_t>(count));
      std::vector<std::vector<InfluenceTable>> tables(static_cast<size_t>(count));
      QCOMPARE(on_ranks(count,
                        [&](Ranks& ranks, int r) {
                          work(&ranks, factors[static_cast<size_t>(r)], tables[static_cast<size_t>(r)]);
                        }),
               std::string());
      QCOMPARE(factors[0].layers.size(), alone.layers.size());
      for (const Factors& f : factors)  // a rank that came too late was stopped without
        for (size_t i = 0; i < f.layers.size(); ++i) {
          QVERIFY(f.layers[i].q_a == alone.layers[i].q_a && f.layers[i].q_s == alone.layers[i].q_s);
          QVERIFY(f.layers[i].lambda == alone.layers[i].lambda && f.layers[i].damping == alone.layers[i].damping);
        }
      QVERIFY(tables[0].at(0).scores == alone_tables.at(0).scores && tables[1].empty());
      QVERIFY(tables[0].at(1).scores == alone_tables.at(1).scores);
      QCOMPARE(tables[0][0].shown.size(), alone_tables[0].shown.size());
      for (size_t i = 0; i < alone_tables[0].shown.size(); ++i) {
        QVERIFY(tables[0][0].shown[i].token_scores == alone_tables[0].shown[i].token_scores);
        QVERIFY(tables[0][0].shown[i].output_scores == alone_tables[0].shown[i].output_scores);
      }
    }
  }
};

QTEST_GUILESS_MAIN(RanksTest)
#include "ranks_test.moc"
