// Calls that a device repeats from a recording.
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaRepeatTest : public QObject, Parity {
  Q_OBJECT

 private:
  // y += x w^T and y[0] = x[0], as often as it is run. Counts how often the calls are made.
  struct Calls {
    Calls(const std::shared_ptr<Ops>& ops)
        : x(ops, 3, 7), w(ops, 5, 7), y(ops, 3, 5), product(ops, 3, 5), segment(ops, 3, 5) {
      w.upload(random_matrix(5, 7).values.data());
      y.zero();
    }
    void make(Ops& ops) {
      ++made;
      ops.linear(x, matrix_of(w), product);
      ops.add(product, y);
      ops.copy(segment.view().data, x.view().data, 5 * sizeof(float));
    }
    Buffer x, w, y, product, segment;
    int made = 0;
  };
  static std::vector<float> host(const Buffer& buffer) {
    std::vector<float> values(static_cast<size_t>(buffer.view().size()));
    buffer.download(values.data());
    return values;
  }

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  // Made once, recorded once, then repeated: with the numbers that the memory holds by then.
  void the_same_with_other_numbers() {
    Calls repeated(cuda), each(cuda);
    each.w.copy_rows(repeated.w, 5);
    std::unique_ptr<Ops::Recording> recording;
    for (int i = 0; i < 6; ++i) {
      const Matrix x = random_matrix(3, 7);
      repeated.x.upload(x.values.data());
      each.x.upload(x.values.data());
      cuda->repeat(recording, [&] { repeated.make(*cuda); });
      each.make(*cuda);
      QCOMPARE(host(repeated.y), host(each.y));
      QCOMPARE(host(repeated.segment).front(), x.values.front());
    }
    QCOMPARE(repeated.made, 2);
    QCOMPARE(each.made, 6);
  }

  // A text of more keys than one block takes: it grows into the next one's while the recording stays.
  void a_step_of_a_long_text() {
    const Heads heads{2, 1, 8};
    const Buffer q(cuda, 1, 16), k(cuda, 1, 8), v(cuda, 1, 8), z(cuda, 1, 16), sum(cuda, 1, 2), keys(cuda, 600, 8),
        values(cuda, 600, 8);
    const IdBuffer place(cuda, 1, 1);
    for (const Buffer* buffer : {&q, &k, &v, &keys, &values}) {
      const View<float> view = buffer->view();
      cuda->upload(view.data, random_matrix(view.rows, view.columns).values.data(), buffer->bytes());
    }
    const auto step = [&] {
      const Ops::Text text{matrix_of(keys), matrix_of(values)};
      cuda->attention_step(q, k, v, place, std::span(&text, 1), heads, z, sum);
    };
    std::unique_ptr<Ops::Recording> recording;
    int made = 0;
    for (const int32_t at : {100, 254, 255, 256, 257, 512}) {
      cuda->upload(place.view().data, &at, sizeof at);
      cuda->repeat(recording, [&] { ++made, step(); });
      const std::vector<float> repeated = host(z);
      step();
      QCOMPARE(repeated, host(z));
    }
    QCOMPARE(made, 2);
  }

  // The CPU has nothing to gain.
  void the_cpu_calls() {
    Calls calls(cpu);
    std::unique_ptr<Ops::Recording> recording;
    for (int i = 0; i < 3; ++i) cpu->repeat(recording, [&] { calls.make(*cpu); });
    QCOMPARE(calls.made, 3);
    QVERIFY(!recording);
  }

  // A recording names memory, which may be another's once it was given back.
  void memory_that_was_given_back() {
    Calls calls(cuda);
    std::unique_ptr<Ops::Recording> recording;
    const auto run = [&] {
      calls.x.upload(random_matrix(3, 7).values.data());
      calls.y.zero();
      cuda->repeat(recording, [&] { calls.make(*cuda); });
      return host(calls.y);
    };
    for (int i = 0; i < 4; ++i) run();
    QCOMPARE(calls.made, 2);
    calls.product = Buffer(cuda, 3, 5);
    const std::vector<float> found = run(), again = run();
    QCOMPARE(calls.made, 4);
    cuda->segment_scores(calls.x, calls.x, std::vector<Segment>{{0, 3, 0, 3}}, Buffer(cuda, 1, 49), Buffer(cuda, 1, 1));
    run();  // behind scratch memory that grew
    QCOMPARE(calls.made, 5);
    QVERIFY(found != again);
  }

  // What no graph can do is called each time.
  void what_cannot_be_recorded() {
    Calls calls(cuda);
    calls.x.upload(random_matrix(3, 7).values.data());
    std::unique_ptr<Ops::Recording> recording;
    std::vector<float> found;
    std::vector<std::vector<float>> all;
    for (int i = 0; i < 4; ++i) {
      cuda->repeat(recording, [&] {
        calls.make(*cuda);
        found = host(calls.y);
      });
      all.push_back(found);
    }
    QCOMPARE(calls.made, 5);  // once to find it out
    for (size_t i = 0; i < all[0].size(); ++i)
      QVERIFY(std::abs(all[3][i] - 4 * all[0][i]) <= 1e-5f * (1 + std::abs(all[3][i])));
  }

  // Errors of the calls themselves are the caller's.
  void errors_come_through() {
    std::unique_ptr<Ops::Recording> recording;
    const auto fails = [] { throw std::runtime_error("it fails"); };
    for (int i = 0; i < 3; ++i) QVERIFY_THROWS_EXCEPTION(std::runtime_error, cuda->repeat(recording, fails));
    Calls calls(cuda);
    for (int i = 0; i < 3; ++i) cuda->repeat(recording, [&] { calls.make(*cuda); });
    QCOMPARE(calls.made, 2);
  }
};

QTEST_GUILESS_MAIN(CudaRepeatTest)
#include "repeat_test.moc"
