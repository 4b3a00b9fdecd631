// Memory of the device, and devices that are not there.
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaMemoryTest : public QObject, Parity {
  Q_OBJECT

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  void a_device_that_does_not_exist_is_refused() {
    std::string why;
    QVERIFY(!make_cuda_ops(4096, why));
    QVERIFY(!why.empty());
  }

  void memory() {
    const Matrix from = random_matrix(13, 7);
    Buffer a(cuda, 13, 7), b(cuda, 13, 7), none(cuda, 0, 7);
    a.upload(from.values.data());
    b.zero();
    none.zero();
    cuda->copy(b.view().row(5), a.view().row(2), 3 * 7 * sizeof(float));
    std::vector<float> found(13 * 7), expected(13 * 7);
    std::copy_n(from.values.begin() + 2 * 7, 3 * 7, expected.begin() + 5 * 7);
    b.download(found.data());
    QCOMPARE(found, expected);
  }

  void what_is_taken_is_not_free() {
    const Ops::Memory before = cuda->memory();
    QVERIFY(before.free > 0 && before.free <= before.total);
    const Buffer taken(cuda, 1 << 12, 1 << 12);
    QVERIFY(cuda->memory().free <= before.free - static_cast<double>(taken.bytes()));
  }

  // A device of its own, whose scratch is small yet, and is given back for the larger one.
  void a_step_takes_what_it_says() {
    std::string why;
    const auto fresh = make_cuda_ops(0, why);
    QVERIFY2(fresh, why.c_str());
    const Heads heads{32, 1, 256};
    const int64_t count = 8, room = 4096;
    QCOMPARE(fresh->attention_step_bytes(count, 256, heads), size_t{0});
    const size_t needed = fresh->attention_step_bytes(count, room, heads);
    QVERIFY(needed > size_t{4} << 20 && needed >= fresh->attention_step_bytes(1, room, heads));
    std::vector<Buffer> rooms;
    std::vector<Ops::Text> texts;
    for (int64_t i = 0; i < 2 * count; ++i) rooms.emplace_back(fresh, room, 256).zero();
    for (size_t i = 0; i < rooms.size(); i += 2) texts.push_back({matrix_of(rooms[i]), matrix_of(rooms[i + 1])});
    Buffer q(fresh, count, 32 * 256), k(fresh, count, 256), v(fresh, count, 256), z(fresh, count, 32 * 256),
        sums(fresh, count, 32);
    for (Buffer* buffer : {&q, &k, &v}) buffer->zero();
    IdBuffer places(fresh, count, 1);
    places.upload(std::vector<int32_t>{0, 1, 2, 255, 256, 300, 600, 700}.data());
    const double before = fresh->memory().free;
    fresh->attention_step(q, k, v, places, texts, heads, z, sums);
    constexpr double small = 1 << 16;
    QVERIFY(fresh->memory().free <= before - static_cast<double>(needed) + small);
  }

  void memory_that_cannot_be_had() {
    QVERIFY_THROWS_EXCEPTION(std::runtime_error, cuda->allocate(size_t{1} << 50));
    memory();  // and the device still works
  }
};

QTEST_GUILESS_MAIN(CudaMemoryTest)
#include "memory_test.moc"
