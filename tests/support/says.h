// What an action says when it is refused.
#pragma once

#include <QtTest>
#include <string>

#include "runtime/error.h"

namespace stemma::test {

// The Error's sentence; empty where none was thrown.
template <class Action>
std::string error_when(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace stemma::test

#define VERIFY_SAYS(error, words) \
  QVERIFY2((error).find(std::string(words)) != std::string::npos, (std::string(words) + " | " + (error)).c_str())
