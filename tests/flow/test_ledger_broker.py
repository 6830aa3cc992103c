#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger with confirm: broker."""
import ledger

ledger.main("broker")
