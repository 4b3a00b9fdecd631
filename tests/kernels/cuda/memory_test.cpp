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

  void memory_that_cannot_be_had() {
    QVERIFY_THROWS_EXCEPTION(std::runtime_error, cuda->allocate(size_t{1} << 50));
    memory();  // and the device still works
  }
};

QTEST_GUILESS_MAIN(CudaMemoryTest)
#include "memory_test.moc"
