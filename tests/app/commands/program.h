// Runs the built program, and makes what it needs: a tokenizer of single bytes, a corpus, a model trained on it.
#pragma once

#include <QtTest>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace stemma::test {

struct Ran {
  int status = -1;
  QByteArray out, error;

  nlohmann::json json() const;
  // The last line on standard error, where the one sentence stands.
  QByteArray sentence() const { return error.trimmed().split('\n').last(); }
};

Ran run(const QStringList& arguments, const QByteArray& input = {}, const QString& program = STEMMA_PROGRAM);
void write(const QString& path, const QByteArray& bytes);
QByteArray read(const QString& path);
bool copy_folder(const QString& from, const QString& to);

// One token a byte, in GPT-2's alphabet, and an end of text.
QByteArray byte_tokenizer();

// Sums told with a thought, from two sources.
QByteArray sums_corpus(int documents);
QByteArray train_config(const QString& tokenizer);

}  // namespace stemma::test
