// Curvature factors on disk: exact, in their order, and refused where they are not what was written.
#include <sys/resource.h>

#include <QtTest>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "runtime/error.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/session/hdf5_file.h"

namespace fs = std::filesystem;
using namespace stemma;

namespace {

Factors sample() {
  Factors factors;
  factors.model_hash = "m";
  factors.corpus_hash = "c";
  factors.program = "stemma test";
  factors.created = "2026-01-02T03:04:05Z";
  factors.device = "cpu";
  factors.documents = 20000;
  factors.tokens = int64_t{5} << 32;
  factors.seed = 0xFFFFFFFFFFFFFFFFu;
  factors.seconds = 12.5;
  for (const char* name : {"blocks.0.attn.q", "blocks.0.mlp.up", "blocks.10.attn.q", "blocks.2.attn.q"}) {
    LayerFactors layer{name, 30, 20, {}, {}, {}, 0.25};
    for (int i = 0; i < 900; ++i)
      layer.q_a.push_back(0.5f * static_cast<float>(i) + static_cast<float>(factors.layers.size()));
    for (int i = 0; i < 400; ++i) layer.q_s.push_back(-0.1f * static_cast<float>(i));
    for (int i = 0; i < 600; ++i) layer.lambda.push_back(1e-20f * static_cast<float>(i));
    factors.layers.push_back(std::move(layer));
  }
  return factors;
}

std::string sentence_of(const fs::path& path) {
  try {
    load_factors(path);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

class FactorsFileTest : public QObject {
  Q_OBJECT
 private slots:
  void round_trip() {
    Factors factors = sample();
    save_factors(factors, path("f.h5"));
    QCOMPARE(factors.hash.size(), size_t{32});
    const Factors loaded = load_factors(path("f.h5"));
    QCOMPARE(loaded.hash, factors.hash);
    QCOMPARE(loaded.model_hash + loaded.corpus_hash + loaded.program + loaded.created + loaded.device,
             factors.model_hash + factors.corpus_hash + factors.program + factors.created + factors.device);
    QCOMPARE(loaded.documents, factors.documents);
    QCOMPARE(loaded.tokens, factors.tokens);
    QCOMPARE(loaded.seed, factors.seed);
    QCOMPARE(loaded.seconds, factors.seconds);
    QCOMPARE(loaded.layers.size(), factors.layers.size());
    for (size_t i = 0; i < factors.layers.size(); ++i) {
      const LayerFactors &a = factors.layers[i], &b = loaded.layers[i];
      QCOMPARE(b.name, a.name);
      QCOMPARE(b.inputs, a.inputs);
      QCOMPARE(b.outputs, a.outputs);
      QVERIFY(b.q_a == a.q_a && b.q_s == a.q_s && b.lambda == a.lambda && b.damping == a.damping);
    }
    factors.layers[2].lambda[5] += 1;
    const std::string before = factors.hash;
    save_factors(factors, path("f.h5"));
    QVERIFY(factors.hash != before);
    QCOMPARE(load_factors(path("f.h5")).hash, factors.hash);
  }

  void bad_files() {
    QVERIFY(sentence_of(path("none.h5")).find("no such file") != std::string::npos);
    Hdf5File other = Hdf5File::in_memory(path("other.h5"));
    other.root().set("format", "stemma-session");
    other.save();
    QVERIFY(sentence_of(path("other.h5")).find("stemma fit") != std::string::npos);

    Factors factors = sample();
    save_factors(factors, path("f.h5"));
    fs::copy_file(path("f.h5"), path("cut.h5"));
    fs::resize_file(path("cut.h5"), fs::file_size(path("cut.h5")) - 2000);
    QVERIFY(sentence_of(path("cut.h5")).find("cut.h5") != std::string::npos);

    Hdf5File changed = Hdf5File::open_for(Hdf5File::Mode::change, path("f.h5"));
    {
      const Hdf5Node layer = changed.root().group("layers").group("blocks.0.attn.q");
      auto lambda = factors.layers[0].lambda;
      lambda[7] = 3;
      layer.remove("lambda");
      layer.write("lambda", lambda, {20, 30});
    }
    changed.close();
    QVERIFY(sentence_of(path("f.h5")).find("not those that were written") != std::string::npos);
  }

  void full_disk() {
    Factors factors = sample();
    save_factors(factors, path("f.h5"));
    const std::string before = factors.hash;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    rlimit small = {8000, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    QVERIFY_EXCEPTION_THROWN(save_factors(factors, path("f.h5")), Error);
    setrlimit(RLIMIT_FSIZE, &old);
    QCOMPARE(load_factors(path("f.h5")).hash, before);
    QCOMPARE(std::distance(fs::directory_iterator(path("")), fs::directory_iterator()), 1);
  }

  void init() { folder_ = std::make_unique<QTemporaryDir>(); }

 private:
  fs::path path(const std::string& name) const { return fs::path(folder_->path().toStdString()) / name; }
  std::unique_ptr<QTemporaryDir> folder_;
};

QTEST_GUILESS_MAIN(FactorsFileTest)
#include "factors_file_test.moc"
