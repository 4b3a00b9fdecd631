// Every key of the program, from the actions that have one.
#pragma once

#include <QDialog>
#include <QMenuBar>

namespace stemma {

class KeysHelp : public QDialog {
 public:
  KeysHelp(const QMenuBar* menus, QWidget* parent);
};

}  // namespace stemma
