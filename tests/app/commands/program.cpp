#include "tests/app/commands/program.h"

namespace stemma::test {

nlohmann::json Ran::json() const { return nlohmann::json::parse(out.toStdString(), nullptr, false); }

Ran run(const QStringList& arguments, const QByteArray& input, const QString& program) {
  QProcess process;
  process.start(program, arguments);
  process.write(input);
  process.closeWriteChannel();
  Ran ran;
  if (!process.waitForFinished(300'000)) return ran;
  ran.status = process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
  ran.out = process.readAllStandardOutput();
  ran.error = process.readAllStandardError();
  return ran;
}

void write(const QString& path, const QByteArray& bytes) {
  QFile file(path);
  QVERIFY2(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size(), qPrintable(path));
}

QByteArray read(const QString& path) {
  QFile file(path);
  return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

bool copy_folder(const QString& from, const QString& to) {
  QDir().mkpath(to);
  for (const auto& name : QDir(from).entryList(QDir::Files))
    if (!QFile::copy(from + "/" + name, to + "/" + name)) return false;
  return true;
}

QByteArray byte_tokenizer() {
  nlohmann::json vocabulary = nlohmann::json::object();
  int next = 256, id = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const char32_t character = printable ? static_cast<char32_t>(byte) : static_cast<char32_t>(next++);
    vocabulary[QString::fromUcs4(&character, 1).toStdString()] = id++;
  }
  vocabulary["<|endoftext|>"] = id;
  const nlohmann::json bytes{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const nlohmann::json added{{"id", id},        {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
                             {"rstrip", false}, {"normalized", false},        {"special", true}};
  const nlohmann::json model{{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}};
  const nlohmann::json tokenizer{{"version", "1.0"},
                                 {"added_tokens", nlohmann::json::array({added})},
                                 {"normalizer", nullptr},
                                 {"pre_tokenizer", bytes},
                                 {"post_processor", nullptr},
                                 {"decoder", bytes},
                                 {"model", model}};
  return QByteArray::fromStdString(tokenizer.dump());
}

QByteArray sums_corpus(int documents) {
  QByteArray lines;
  for (int i = 0; i < documents; ++i) {
    const int a = i % 7, b = i / 7 % 7;
    const auto text = QString("What is %1 plus %2?\n<think>We have %1 things here. Then %2 more come.</think>%3")
                          .arg(a)
                          .arg(b)
                          .arg(a + b);
    lines +=
        nlohmann::json{
            {"id", "d" + std::to_string(i)}, {"source", i % 2 ? "examples" : "forum"}, {"text", text.toStdString()}}
            .dump() +
        "\n";
  }
  return lines;
}

QByteArray train_config(const QString& tokenizer) {
  return QByteArray::fromStdString(
      nlohmann::json{{"tokenizer", tokenizer.toStdString()},
                     {"passes", 6},
                     {"batch_tokens", 512},
                     {"rate", 0.01},
                     {"seed", 3},
                     {"model", {{"layers", 2}, {"width", 32}, {"heads", 2}, {"mlp_width", 64}, {"context", 128}}}}
          .dump());
}

}  // namespace stemma::test
